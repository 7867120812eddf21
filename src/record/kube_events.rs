//! Kubernetes Events as the API shows them: repetitions counted, floods held back, old ones expired. Knows no component
//! and no format.
//!
//! Mirrors staging/src/k8s.io/client-go/tools/record/events_cache.go (kubelet and controllers),
//! tools/events/event_broadcaster.go (scheduler) and the `--event-ttl` of the API server, v1.34.

use std::collections::{BTreeMap, BTreeSet};

use super::fact::{Fact, KubeEvent, NoteId, Subject};
use super::{ObjectRecord, PodRecord, Recorder, Sample};
use crate::base::{IdVec, Interner, SimDuration, SimTime};
use crate::model::{ConfigId, NodeId, ObjectId, PodUid, ServiceId};

/// The API server forgets an Event this long after it was written last.
pub const EVENT_TTL: SimDuration = SimDuration::from_secs(3600);
/// So many Events about one object pass at once, and one more every five minutes.
const SPAM_BURST: f64 = 25.0;
const SPAM_REFILL_SECONDS: f64 = 300.0;
/// From the tenth different text within ten minutes on, Events that are alike but for their text become one.
const SIMILAR: usize = 10;
const SIMILAR_WITHIN: SimDuration = SimDuration::from_secs(600);
/// The scheduler writes the counts of its series so often, and ends those that have been silent for so long.
const SERIES_REFRESH: SimDuration = SimDuration::from_secs(30 * 60);
const SERIES_FINISH: SimDuration = SimDuration::from_secs(6 * 60);

/// Records Kubernetes Events with every repetition, and nothing else.
#[derive(Clone, Debug, Default)]
pub struct KubeEvents {
    raw: Vec<Raw>,
    texts: Interner<NoteId, Box<str>>,
    pods: IdVec<PodUid, PodRecord>,
    objects: IdVec<ObjectId, ObjectRecord>,
    nodes: BTreeMap<PodUid, NodeId>,
    load_balancers: Vec<(ServiceId, SimTime)>,
    configs: BTreeMap<ConfigId, SimTime>,
}

/// Something that a component told its event recorder.
#[derive(Clone, Copy, Debug)]
struct Raw {
    at: SimTime,
    subject: Subject,
    event: KubeEvent,
    note: NoteId,
}

/// An Event object.
#[derive(Clone, PartialEq, Debug)]
pub struct ApiEvent {
    /// What it is about.
    pub subject: Subject,
    /// Reason and type.
    pub event: KubeEvent,
    /// The message.
    pub message: String,
    /// How often it was seen.
    pub count: u32,
    /// When it was seen first.
    pub first: SimTime,
    /// When it was seen last.
    pub last: SimTime,
    /// When the object was written last.
    written: SimTime,
}

impl ApiEvent {
    /// Whether it has the form of events.k8s.io, which leaves `lastTimestamp` empty.
    #[must_use]
    pub fn is_series(&self) -> bool {
        self.event.component() == SCHEDULER
    }
}

const SCHEDULER: &str = "default-scheduler";

impl KubeEvents {
    /// A kept text.
    #[must_use]
    pub fn note_text(&self, id: NoteId) -> &str {
        self.texts.get(id)
    }

    /// The Events that the API shows at `now`, in the order in which they were created. `start` is when the components
    /// were started.
    #[must_use]
    pub fn visible(&self, start: SimTime, now: SimTime) -> Vec<ApiEvent> {
        let mut events = self.all(start, now);
        events.retain(|event| event.written + EVENT_TTL > now);
        events
    }

    /// The same, with those that have expired.
    #[must_use]
    pub fn all(&self, start: SimTime, now: SimTime) -> Vec<ApiEvent> {
        // Repetitions of probes and mounts are told when they are counted, which may be later than what followed them.
        let mut raw: Vec<&Raw> = self.raw.iter().filter(|raw| raw.at <= now).collect();
        raw.sort_by_key(|raw| raw.at);
        let mut correlator = Correlator::default();
        let mut series = SeriesCache { start, open: BTreeMap::new() };
        let mut events: Vec<ApiEvent> = Vec::new();
        for raw in raw {
            if raw.event.component() == SCHEDULER {
                series.observe(&mut events, raw, self.texts.get(raw.note));
            } else {
                correlator.observe(&mut events, raw, self.texts.get(raw.note));
            }
        }
        series.settle(&mut events, now);
        events
    }

    /// What the pods were, in the order of their creation.
    #[must_use]
    pub const fn pods(&self) -> &IdVec<PodUid, PodRecord> {
        &self.pods
    }

    /// The name of a pod that has a controller.
    #[must_use]
    pub fn given_name(&self, pod: &PodRecord) -> Option<&str> {
        pod.name.map(|name| &**self.texts.get(name))
    }

    /// The node that a pod was bound to.
    #[must_use]
    pub fn node_of(&self, pod: PodUid) -> Option<NodeId> {
        self.nodes.get(&pod).copied()
    }

    /// When the load balancer of a service got its address.
    #[must_use]
    pub fn load_balancer(&self, service: ServiceId) -> Option<SimTime> {
        self.load_balancers.iter().find(|(id, _)| *id == service).map(|&(_, at)| at)
    }

    /// When a ConfigMap or Secret that exists was created.
    #[must_use]
    pub fn config_created(&self, config: ConfigId) -> Option<SimTime> {
        self.configs.get(&config).copied()
    }

    fn tell(&mut self, at: SimTime, subject: Subject, event: KubeEvent, note: NoteId) {
        self.raw.push(Raw { at, subject, event, note });
    }
}

impl Recorder for KubeEvents {
    const SAMPLES: bool = false;
    const REPEATS: bool = true;

    fn fact(&mut self, at: SimTime, fact: Fact) {
        match fact {
            Fact::Event { subject, event, note } => self.tell(at, subject, event, note),
            Fact::PodBound(pod, node) => {
                self.nodes.insert(pod, node);
            }
            Fact::LoadBalancer(service) => self.load_balancers.push((service, at)),
            Fact::Config(config, true) => {
                self.configs.entry(config).or_insert(at);
            }
            Fact::Config(config, false) => {
                self.configs.remove(&config);
            }
            _ => {}
        }
    }

    fn repeat(&mut self, at: SimTime, subject: Subject, event: KubeEvent, text: &str) {
        let note = self.texts.intern_str(text);
        self.tell(at, subject, event, note);
    }

    fn pod(&mut self, pod: PodRecord) {
        self.pods.push(pod);
    }

    fn object(&mut self, object: ObjectRecord) {
        self.objects.push(object);
    }

    fn sample(&mut self, _: SimTime, _: Sample) {}

    fn note(&mut self, text: impl FnOnce() -> String) -> NoteId {
        self.texts.intern_str(&text())
    }
}

/// An object as event recorders tell objects apart: containers have Events of their own, but share their pod's limits.
type Key = (u8, u32, u16);

const fn object(subject: Subject) -> Key {
    match subject {
        Subject::Pod(pod) | Subject::Container(pod, _) => (0, pod.raw(), 0),
        Subject::Node(node) => (1, node.raw(), 0),
        Subject::Service(service) => (2, service.raw(), 0),
        Subject::Object(object) => (4, object.raw(), 0),
        Subject::Claim(claim) => (5, claim.raw(), 0),
    }
}

const fn part(subject: Subject) -> Key {
    match subject {
        Subject::Container(pod, container) => (3, pod.raw(), container),
        other => object(other),
    }
}

/// Component, object, type and reason.
type Alike = (&'static str, Key, &'static str, String);

/// How Events of the older kind are counted and held back.
#[derive(Default)]
struct Correlator<'t> {
    /// Texts of Events that are alike but for their text, and when the last of them came.
    similar: BTreeMap<Alike, (BTreeSet<&'t str>, SimTime)>,
    /// Events that were seen: their place in the list, if they passed, their count and when they were seen first.
    seen: BTreeMap<(Key, KubeEvent, Option<&'t str>), Seen>,
    /// Tokens left for an object, and when they were counted.
    tokens: BTreeMap<(&'static str, Key), (f64, SimTime)>,
}

struct Seen {
    place: Option<usize>,
    count: u32,
    first: SimTime,
}

impl<'t> Correlator<'t> {
    fn observe(&mut self, events: &mut Vec<ApiEvent>, raw: &Raw, text: &'t str) {
        let Raw { at, subject, event, .. } = *raw;
        let whole = object(subject);
        let component = event.component();
        let alike = (component, whole, event.kind_for(subject), event.reason());
        let (texts, last) = self.similar.entry(alike).or_insert_with(|| (BTreeSet::new(), at));
        if at - *last > SIMILAR_WITHIN {
            texts.clear();
        }
        *last = at;
        let known = texts.contains(text);
        let combined = if known { texts.len() } else { texts.len() + 1 } >= SIMILAR;
        if !combined {
            texts.insert(text);
        }
        let key = if combined { (whole, event, None) } else { (part(subject), event, Some(text)) };
        let seen = self.seen.entry(key).or_insert(Seen { place: None, count: 0, first: at });
        seen.count += 1;

        let (tokens, counted) = self.tokens.entry((component, whole)).or_insert((SPAM_BURST, at));
        *tokens = (*tokens + (at - *counted).as_secs_f64() / SPAM_REFILL_SECONDS).min(SPAM_BURST);
        *counted = at;
        if *tokens < 1.0 {
            return;
        }
        *tokens -= 1.0;
        let message = if combined { format!("(combined from similar events): {text}") } else { text.to_owned() };
        // An object that has expired is created again, with the count as it is.
        match seen.place.filter(|&place| events[place].written + EVENT_TTL > at) {
            Some(place) => {
                let object = &mut events[place];
                (object.message, object.count, object.last, object.written) = (message, seen.count, at, at);
            }
            None => {
                seen.place = Some(events.len());
                let (count, first) = (seen.count, seen.first);
                events.push(ApiEvent { subject, event, message, count, first, last: at, written: at });
            }
        }
    }
}

/// How the scheduler's Events are counted: the text of the first stands for all that follow.
struct SeriesCache {
    start: SimTime,
    open: BTreeMap<(Key, KubeEvent), Series>,
}

struct Series {
    place: usize,
    count: u32,
    last: SimTime,
}

impl SeriesCache {
    fn observe(&mut self, events: &mut Vec<ApiEvent>, raw: &Raw, text: &str) {
        let Raw { at, subject, event, .. } = *raw;
        let key = (object(subject), event);
        if let Some(series) = self.open.get_mut(&key) {
            if write(self.start, series, events, at) {
                self.open.remove(&key);
            } else {
                (series.count, series.last) = (series.count + 1, at);
                if series.count == 2 {
                    let object = &mut events[series.place];
                    (object.count, object.last, object.written) = (2, at, at);
                }
                return;
            }
        }
        self.open.insert(key, Series { place: events.len(), count: 1, last: at });
        let message = text.to_owned();
        events.push(ApiEvent { subject, event, message, count: 1, first: at, last: at, written: at });
    }

    fn settle(&self, events: &mut [ApiEvent], now: SimTime) {
        for series in self.open.values() {
            write(self.start, series, events, now);
        }
    }
}

/// Writes the count of a series as the passes until `now` do; whether one of them ended it.
fn write(start: SimTime, series: &Series, events: &mut [ApiEvent], now: SimTime) -> bool {
    let silent = SimTime((series.last + SERIES_FINISH).0 + 1);
    let finish = silent.ceil_to_grid(start, SERIES_FINISH);
    let finished = finish <= now;
    let until = if finished { finish } else { now };
    let refresh = until.ceil_to_grid(start, SERIES_REFRESH);
    let refresh = if refresh == until { refresh } else { refresh - SERIES_REFRESH };
    let written = if finished { Some(finish) } else { Some(refresh).filter(|&at| at > series.last) };
    if let Some(at) = written.filter(|_| series.count > 1) {
        let object = &mut events[series.place];
        (object.count, object.last, object.written) = (series.count, series.last, at);
    }
    finished
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: Subject = Subject::Pod(PodUid::from_raw(0));
    const START: SimTime = SimTime(1_000_000_000_000_000_000);

    fn at(seconds: i64) -> SimTime {
        START + SimDuration::from_secs(seconds)
    }

    fn told(events: &[(i64, Subject, KubeEvent, &str)]) -> KubeEvents {
        let mut recorder = KubeEvents::default();
        for &(seconds, subject, event, text) in events {
            recorder.repeat(at(seconds), subject, event, text);
        }
        recorder
    }

    fn shown(recorder: &KubeEvents, now: i64) -> Vec<(u32, i64, i64, String)> {
        let line = |event: ApiEvent| {
            let since = |time: SimTime| (time - START).whole_secs();
            (event.count, since(event.first), since(event.last), event.message)
        };
        recorder.visible(START, at(now)).into_iter().map(line).collect()
    }

    #[test]
    fn the_same_text_is_counted_and_an_hour_of_silence_forgets_it() {
        let back_off = KubeEvent::BackOff;
        let recorder = told(&[(0, POD, back_off, "a"), (10, POD, back_off, "a"), (20, POD, back_off, "b")]);
        assert_eq!(shown(&recorder, 20), [(2, 0, 10, "a".to_owned()), (1, 20, 20, "b".to_owned())]);
        assert_eq!(shown(&recorder, 5), [(1, 0, 0, "a".to_owned())]);
        assert_eq!(shown(&recorder, 3610), [(1, 20, 20, "b".to_owned())], "it was written last at 10");
    }

    #[test]
    fn containers_of_one_pod_are_counted_apart() {
        let pulled = |index| Subject::Container(PodUid::from_raw(0), index);
        let recorder = told(&[(0, pulled(0), KubeEvent::Pulled, "x"), (1, pulled(1), KubeEvent::Pulled, "x")]);
        assert_eq!(shown(&recorder, 1).len(), 2);
    }

    #[test]
    fn after_25_events_one_passes_in_five_minutes_with_the_whole_count() {
        let events: Vec<_> = (0..60).map(|n| (n * 10, POD, KubeEvent::BackOff, "a")).collect();
        let recorder = told(&events);
        // The 25 tokens and what comes back meanwhile: 240 s give 0.8, so the one at 250 s waits until a token is whole.
        assert_eq!(shown(&recorder, 240), [(25, 0, 240, "a".to_owned())]);
        assert_eq!(shown(&recorder, 290), [(25, 0, 240, "a".to_owned())]);
        assert_eq!(shown(&recorder, 300), [(31, 0, 300, "a".to_owned())]);
        assert_eq!(shown(&recorder, 590), [(31, 0, 300, "a".to_owned())]);
    }

    #[test]
    fn from_the_tenth_text_on_events_are_combined() {
        let texts: Vec<String> = (0..12).map(|n| format!("text {n}")).collect();
        let events: Vec<_> = texts.iter().zip(0..).map(|(text, n)| (n, POD, KubeEvent::Failed, &**text)).collect();
        let shown = shown(&told(&events), 20);
        assert_eq!(shown.len(), 10);
        assert_eq!(shown[9], (3, 9, 11, "(combined from similar events): text 11".to_owned()));
    }

    #[test]
    fn the_scheduler_writes_its_counts_now_and_then_and_keeps_the_first_text() {
        let event = KubeEvent::FailedScheduling;
        let events: Vec<_> =
            (0..10).map(|n| (100 + n * 300, POD, event, if n == 0 { "first" } else { "later" })).collect();
        let recorder = told(&events);
        assert_eq!(shown(&recorder, 399), [(1, 100, 100, "first".to_owned())]);
        assert_eq!(shown(&recorder, 1799), [(2, 100, 400, "first".to_owned())], "the third is only known inside");
        assert_eq!(shown(&recorder, 1800), [(6, 100, 1600, "first".to_owned())]);
        // The tenth comes at 2800: the pass at 3240 (nine times six minutes) finds it silent.
        assert_eq!(shown(&recorder, 3239), [(6, 100, 1600, "first".to_owned())]);
        assert_eq!(shown(&recorder, 3240), [(10, 100, 2800, "first".to_owned())]);
        assert_eq!(shown(&recorder, 6840), []);
    }
}
