//! Whether an operation on a store reads or writes, and what one on a queue does.

use astern_graph_core::EdgeKind;

/// First words of operations that only read: SQL, Redis, memcached, `MongoDB`, Elasticsearch.
const READS: [&str; 44] = [
    "aggregate",
    "count",
    "describe",
    "distinct",
    "dump",
    "exists",
    "explain",
    "fetch",
    "find",
    "findone",
    "get",
    "getmore",
    "gets",
    "getrange",
    "hexists",
    "hget",
    "hgetall",
    "hkeys",
    "hlen",
    "hmget",
    "hvals",
    "keys",
    "lindex",
    "list",
    "llen",
    "lrange",
    "mget",
    "multiget",
    "pttl",
    "query",
    "read",
    "scan",
    "scard",
    "search",
    "select",
    "show",
    "sismember",
    "smembers",
    "strlen",
    "ttl",
    "zcard",
    "zrange",
    "zrevrange",
    "zscore",
];

/// First words of operations that change what is stored.
const WRITES: [&str; 46] = [
    "add",
    "alter",
    "append",
    "bulk",
    "cas",
    "create",
    "decr",
    "decrby",
    "del",
    "delete",
    "deleteone",
    "drop",
    "expire",
    "findandmodify",
    "flushall",
    "flushdb",
    "getdel",
    "getset",
    "grant",
    "hdel",
    "hincrby",
    "hset",
    "incr",
    "incrby",
    "index",
    "insert",
    "insertmany",
    "insertone",
    "lpop",
    "lpush",
    "merge",
    "mset",
    "prepend",
    "put",
    "remove",
    "replace",
    "rpush",
    "sadd",
    "set",
    "setex",
    "setnx",
    "truncate",
    "update",
    "upsert",
    "write",
    "zadd",
];

/// The kind of edge that an operation or statement goes over, by its first word.
///
/// `None` where the word says neither: `BEGIN`, `CALL`, `WITH` …
pub(super) fn of_store(operation: &str) -> Option<EdgeKind> {
    let text = operation.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    let word = text.get(..end)?;
    // `get_multi`, `set_multi`: what comes first decides.
    let head = word.split('_').next().unwrap_or(word);
    let among = |list: &[&str], word: &str| list.iter().any(|w| w.eq_ignore_ascii_case(word));
    for word in [word, head] {
        if among(&READS, word) {
            return Some(EdgeKind::Reads);
        }
        if among(&WRITES, word) {
            return Some(EdgeKind::Writes);
        }
    }
    None
}

/// What an operation does with messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueueVerb {
    Send,
    Receive,
    Process,
    /// The queue is informed of what became of a message.
    Settle,
}

/// What an operation on a queue does, by OpenTelemetry's types and names of operations, old and new.
pub(super) fn of_queue(operation: &str) -> Option<QueueVerb> {
    let verbs: [(QueueVerb, &[&str]); 4] = [
        (QueueVerb::Send, &["publish", "send", "create"]),
        (
            QueueVerb::Receive,
            &["receive", "poll", "pull", "fetch", "get"],
        ),
        (QueueVerb::Process, &["process", "deliver", "consume"]),
        (QueueVerb::Settle, &["settle", "ack", "nack", "commit"]),
    ];
    let is = |name: &&str| name.eq_ignore_ascii_case(operation);
    let verb = verbs.iter().find(|(_, names)| names.iter().any(is));
    verb.map(|(verb, _)| *verb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_decides() {
        for (operation, kind) in [
            ("SELECT ts.orders", Some(EdgeKind::Reads)),
            ("  (select 1)", Some(EdgeKind::Reads)),
            ("insert into a values (1)", Some(EdgeKind::Writes)),
            ("get_multi nonce", Some(EdgeKind::Reads)),
            ("HSET", Some(EdgeKind::Writes)),
            ("setting", None),
            ("call next value for sequence", None),
            ("", None),
            ("é", None),
        ] {
            assert_eq!(of_store(operation), kind, "{operation}");
        }
    }
}
