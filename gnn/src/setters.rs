//! One method per plain setting, named after it.

/// `setters! { Config { /// Sets …; name: Type; } }` writes the method `name` of `Config` for each.
macro_rules! setters {
    ($config:ident { $($(#[$doc:meta])* $name:ident: $type:ty;)* }) => {
        impl $config {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(mut self, $name: $type) -> Self {
                self.$name = $name;
                self
            })*
        }
    };
}
pub(crate) use setters;
