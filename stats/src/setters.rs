//! The one macro that writes the setters of parameters.

/// Writes one chainable method for each named parameter of a type, named after it.
///
/// The argument is converted by [`Into`], so that the setter of an `Option<T>` may take a `T`, and
/// that of an `Arc<str>` an `impl Into<Arc<str>>`. A type with a lifetime or
/// a parameter names it: `Page<'a>`.
///
/// # Example
/// ```
/// use std::time::Duration;
///
/// #[derive(Debug, Clone, Default, PartialEq)]
/// pub struct PollParams {
///     attempts: u32,
///     timeout: Option<Duration>,
/// }
///
/// astern_stats::setters!(PollParams {
///     /// Sets how often a request is sent.
///     attempts: u32,
///     /// Sets how long one reply may take.
///     timeout: Duration,
/// });
///
/// let params = PollParams::default().attempts(3).timeout(Duration::from_secs(5));
/// assert_eq!(params, PollParams { attempts: 3, timeout: Some(Duration::from_secs(5)) });
/// ```
#[macro_export]
macro_rules! setters {
    ($params:ident $(<$generic:tt>)? { $($(#[$doc:meta])* $name:ident: $type:ty),+ $(,)? }) => {
        impl $(<$generic>)? $params $(<$generic>)? {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(mut self, $name: $type) -> Self {
                self.$name = ::core::convert::Into::into($name);
                self
            })+
        }
    };
}
