//! A plan as a person reads it at night.

use std::fmt;

use crate::plan::{Plan, Step};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.steps.len();
        let steps = if count == 1 { "step" } else { "steps" };
        write!(f, "plan {} of {}, {count} {steps}", self.id, self.made)?;
        let digits = |step: &Step| step.id.to_string().len();
        let width = self.steps.iter().map(digits).max().unwrap_or(1);
        for step in &self.steps {
            write!(f, "\n{:>width$}. {}", step.id, step.action)?;
            lines(f, width, step)?;
        }
        for rejected in &self.rejected {
            write!(f, "\n{:>width$}  not done: {rejected}", "")?;
        }
        Ok(())
    }
}

/// What stands below a step, each line with its label in one column.
fn lines(f: &mut fmt::Formatter<'_>, width: usize, step: &Step) -> fmt::Result {
    let mut line =
        |label: &str, text: &dyn fmt::Display| write!(f, "\n{:width$}    {label:<8} {text}", "");
    if !step.after.is_empty() {
        let after: Vec<String> = step.after.iter().map(ToString::to_string).collect();
        line("after", &format_args!("step {}", after.join(", ")))?;
    }
    for blame in &step.answers {
        line("because", blame)?;
    }
    for evidence in &step.because {
        line("because", evidence)?;
    }
    for condition in &step.requires {
        line("requires", condition)?;
    }
    for check in &step.verify {
        line("verify", check)?;
    }
    Ok(())
}
