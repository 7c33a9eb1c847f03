//! Lines of the tables, as they are read.

use std::collections::BTreeMap;
use std::time::Duration;

use astern_graph_core::{
    Call, ChangeEvent, ChangeKind, NodeKey, Party, Reversibility, Sample, SpanId, Subject,
    Timestamp, TrafficShare,
};

use super::ExportError;
use super::row::{KindField, SEPARATOR, UndoField};
use super::table::Fields;

pub(super) type Parties = BTreeMap<u32, Party>;

pub(super) fn party(fields: &Fields<'_>, parties: &mut Parties) -> Result<(), ExportError> {
    let mut party = Party::new(fields.word("service")?);
    party.instance = fields.optional("instance", Fields::word)?;
    party.revision = fields.optional("revision", Fields::word)?;
    party.host = fields.optional("host", Fields::word)?;
    party.segment = fields.optional("segment", Fields::word)?;
    match parties.insert(fields.number("party")?, party) {
        None => Ok(()),
        Some(_) => Err(fields.wrong("party", "occurs twice")),
    }
}

pub(super) fn call(fields: &Fields<'_>, parties: &Parties) -> Result<Call, ExportError> {
    let known = |fields: &Fields<'_>, column| {
        let party = parties.get(&fields.number(column)?).cloned();
        party.ok_or_else(|| fields.wrong(column, "there is no such party"))
    };
    let mut call = Call::new(at(fields)?, known(fields, "callee")?)
        .took(
            fields.optional("client_us", span)?,
            fields.optional("server_us", span)?,
        )
        .over(fields.word("kind")?)
        .ended(fields.word("status")?);
    call.exclusive = fields.optional("own_us", span)?;
    call.id = fields.optional("span", id)?;
    call.caller = fields.optional("caller", known)?;
    call.operation = fields.optional("operation", Fields::word)?;
    Ok(call)
}

pub(super) fn sample(fields: &Fields<'_>) -> Result<Sample, ExportError> {
    let node: NodeKey = fields.word("subject")?;
    let to = fields.optional("to", Fields::word)?;
    let subject = match (to, fields.optional("edge", Fields::word)?) {
        (None, None) => Subject::Node(node),
        (Some(to), Some(kind)) => Subject::Edge {
            from: node,
            to,
            kind,
        },
        _ => return Err(fields.wrong("edge", "`to` and `edge` go together")),
    };
    let (metric, value) = (fields.text("metric"), fields.number("value")?);
    Ok(Sample::new(at(fields)?, subject, metric, value))
}

pub(super) fn change(fields: &Fields<'_>) -> Result<ChangeEvent, ExportError> {
    let kind = match fields.word("kind")? {
        KindField::Rolling => ChangeKind::Rolling,
        KindField::Canary => ChangeKind::Canary,
        KindField::BlueGreen => ChangeKind::BlueGreen,
        KindField::FeatureFlag => ChangeKind::FeatureFlag {
            flag: fields.word("flag")?,
        },
        KindField::Config => ChangeKind::Config,
    };
    let undo = match fields.word("undo")? {
        UndoField::Reversible => Reversibility::Reversible,
        UndoField::ExpandContract => Reversibility::ExpandContract,
        UndoField::ForwardOnly => Reversibility::ForwardOnly {
            min_compatible: fields
                .optional("min_compatible", Fields::word)?
                .ok_or_else(|| fields.wrong("min_compatible", "a forward-only change needs it"))?,
        },
    };
    let named = fields.text("instances").split(SEPARATOR);
    let instances = named
        .filter(|key| !key.is_empty())
        .map(|key| key.parse().map_err(|e| fields.wrong("instances", e)))
        .collect::<Result<Vec<NodeKey>, _>>()?;
    let event = ChangeEvent::new(
        fields.text("change"),
        at(fields)?,
        fields.word("service")?,
        fields.optional("from", Fields::word)?,
        fields.word("to")?,
    );
    let phase = fields.word("phase")?;
    let mut event = event.by(kind).undo(undo).reached(phase, instances);
    event.share = fields.optional("share_bp", |fields, column| {
        let points = fields.number(column)?;
        TrafficShare::basis_points(points).map_err(|e| fields.wrong(column, e))
    })?;
    Ok(event)
}

fn at(fields: &Fields<'_>) -> Result<Timestamp, ExportError> {
    let micros: i64 = fields.number("at_us")?;
    let nanos = micros.checked_mul(1000);
    let beyond = || fields.wrong("at_us", "lies beyond the years 1677 to 2262");
    nanos.map(Timestamp::from_nanos).ok_or_else(beyond)
}

fn span(fields: &Fields<'_>, column: &'static str) -> Result<Duration, ExportError> {
    fields.number(column).map(Duration::from_micros)
}

fn id(fields: &Fields<'_>, column: &'static str) -> Result<SpanId, ExportError> {
    let parts = fields.text(column).split_once('/');
    let parsed = parts.and_then(|(trace, span)| {
        let trace = u128::from_str_radix(trace, 16).ok()?;
        let span = u64::from_str_radix(span, 16).ok()?;
        Some(SpanId::new(trace, span))
    });
    parsed.ok_or_else(|| fields.wrong(column, "not `trace/span` in hexadecimal"))
}
