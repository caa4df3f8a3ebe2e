//! Pure: who this agent is, in the several ways in which the platform names it.

/// The agent as logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The account.
    pub account: String,
    /// The numeric user id.
    pub user: String,
    /// `{account}.{user}`: the form of requests, and of most ids in notifications.
    pub old_id: String,
    /// The public id, a UUID; some notifications have only this one.
    pub public_id: Option<String>,
    /// The log-in name; the platform's analytics know the bot by it.
    pub login_name: String,
}

impl Identity {
    /// The agent of `account` with the numeric id `user`.
    #[must_use]
    pub fn new(account: &str, user: &str, public_id: Option<String>, login_name: &str) -> Self {
        Self {
            account: account.to_owned(),
            user: user.to_owned(),
            old_id: format!("{account}.{user}"),
            public_id,
            login_name: login_name.to_owned(),
        }
    }

    /// Whether `id` names this agent, in either form.
    #[must_use]
    pub fn is_me(&self, id: &str) -> bool {
        id == self.old_id || self.public_id.as_deref().is_some_and(|mine| mine == id)
    }

    /// Whether `id` has the form that agents of this account have in requests.
    #[must_use]
    pub fn is_agent(&self, id: &str) -> bool {
        self.is_me(id)
            || id.strip_prefix(self.account.as_str()).is_some_and(|rest| rest.starts_with('.'))
    }

    /// The request form of another agent's numeric id.
    #[must_use]
    pub fn colleague(&self, user: &str) -> String {
        format!("{}.{user}", self.account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_knows_itself_by_both_ids() {
        let me = Identity::new("12345678", "4102938475", Some("0f4c7a1e".into()), "bot");
        assert!(me.is_me("12345678.4102938475"));
        assert!(me.is_me("0f4c7a1e"));
        assert!(!me.is_me("12345678.1"));
        assert!(me.is_agent("12345678.1"));
        assert!(!me.is_agent("123456789"));
        assert_eq!(me.colleague("5"), "12345678.5");
    }

    #[test]
    fn an_agent_without_public_id_is_not_everybody_without_id() {
        let me = Identity::new("12345678", "4102938475", None, "bot");
        assert!(!me.is_me(""));
    }
}
