//! Simulated targets: a count with a kind of noise and a leak at some rate.

use fastrand::Rng;

use crate::leak::judge::driven::is_sure;
use crate::leak::judge::pairs::Phase;
use crate::leak::judge::plan::Plan;
use crate::leak::judge::sequential::EProcess;
use crate::leak::judge::{Options, Reading};

/// The course of a count without a leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noise {
    Flat,
    /// +60 (1 - e^(-t/60 s)).
    Ramp,
    /// 30 high, every 90 s.
    Saw,
    /// +25 once.
    Step,
    /// +40 (1 - e^(-t/300 s)).
    SlowPool,
    /// Once a minute 20 to 60 for 5 to 15 s.
    Burst,
    /// Ramp, half a saw and half a burst.
    Mixed,
    /// +60 (1 - e^(-cycles/500)).
    CyclePool,
    /// No noise: each reading is exact.
    Still,
    /// The members of a cycle live for this many seconds.
    SelfClearing(u32),
}

impl Noise {
    pub(super) const TIMED: [Self; 7] =
        [Self::Flat, Self::Ramp, Self::Saw, Self::Step, Self::SlowPool, Self::Burst, Self::Mixed];
}

impl std::fmt::Display for Noise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Flat => "flat",
            Self::Ramp => "ramp",
            Self::Saw => "saw",
            Self::Step => "step",
            Self::SlowPool => "slow pool",
            Self::Burst => "burst",
            Self::Mixed => "mixed",
            Self::CyclePool => "cycle pool (driven only)",
            Self::Still => "still",
            Self::SelfClearing(seconds) => return write!(f, "self-clearing after {seconds} s"),
        })
    }
}

/// Rotations per minute: a leak of 32 per minute is one per rotation.
pub(super) const ROTATIONS: f64 = 32.0;

/// The random parameters of one run.
struct Course {
    noise: Noise,
    phase: f64,
    step: f64,
    bursts: Vec<(f64, f64, f64)>,
}

impl Course {
    fn new(noise: Noise, seconds: f64, random: &mut Rng) -> Self {
        let phase = random.f64() * 90.0;
        let step = random.f64() * seconds;
        let mut bursts = Vec::new();
        let mut at = exponential(60.0, random);
        while at < seconds {
            let size = 20.0 + 40.0 * random.f64();
            bursts.push((at, at + 5.0 + 10.0 * random.f64(), size));
            at += exponential(60.0, random);
        }
        Self { noise, phase, step, bursts }
    }

    fn at(&self, t: f64, cycles: f64) -> f64 {
        let ramp = 60.0 * (1.0 - (-t / 60.0).exp());
        let saw = 30.0 * ((t + self.phase) / 90.0).fract();
        let burst = || -> f64 {
            let on = |(from, to, _): &&(f64, f64, f64)| (*from..*to).contains(&t);
            self.bursts.iter().filter(on).map(|(_, _, size)| size).sum()
        };
        match self.noise {
            // `phases` adds self-clearing members, which depend on the drive phases.
            Noise::Flat | Noise::Still | Noise::SelfClearing(_) => 0.0,
            Noise::Ramp => ramp,
            Noise::Saw => saw,
            Noise::Step => 25.0 * f64::from(u8::from(t >= self.step)),
            Noise::SlowPool => 40.0 * (1.0 - (-t / 300.0).exp()),
            Noise::Burst => burst(),
            Noise::Mixed => ramp + 0.5 * saw + 0.5 * burst(),
            Noise::CyclePool => 60.0 * (1.0 - (-cycles / 500.0).exp()),
        }
    }
}

fn exponential(mean: f64, random: &mut Rng) -> f64 {
    -mean * (1.0 - random.f64()).ln()
}

/// A standard normal number (Box and Muller).
fn normal(random: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - random.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.f64()).cos()
}

/// A Poisson number: events with exponential gaps.
fn poisson(mean: f64, random: &mut Rng) -> f64 {
    let (mut sum, mut events) = (exponential(1.0, random), 0.0);
    while sum < mean {
        sum += exponential(1.0, random);
        events += 1.0;
    }
    events
}

/// Readings of a target with its own load that leaks `rate` per minute.
pub(super) fn watched(noise: Noise, rate: f64, minutes: f64, seed: u64) -> Vec<Reading> {
    let mut random = Rng::with_seed(seed);
    let seconds = minutes * 60.0;
    let every = (seconds / 240.0).clamp(1.0, 15.0);
    let course = Course::new(noise, seconds, &mut random);
    // Ornstein-Uhlenbeck noise with standard deviation 3 and a relaxation time of 10 s.
    let keep = (-every / 10.0_f64).exp();
    let mut jitter = 3.0 * normal(&mut random);
    let (mut leaked, mut readings, mut at) = (0.0, Vec::new(), 0.0);
    while at <= seconds + 1e-9 {
        let value = (200.0 + jitter + course.at(at, 0.0) + leaked).round();
        readings.push(Reading { seconds: at, cycles: 0.0, value });
        jitter = keep * jitter + (1.0 - keep * keep).sqrt() * 3.0 * normal(&mut random);
        leaked += poisson(rate * every / 60.0, &mut random);
        at += every;
    }
    readings
}

/// The phases of a driven target that leaks `rate / 32` per cycle and `timed` per minute. May stop early.
pub(super) fn driven(
    noise: Noise,
    rates: [f64; 2],
    minutes: f64,
    seed: u64,
    options: &Options,
) -> (Vec<Phase>, Options) {
    lumpy(noise, rates, 1.0, minutes, seed, options)
}

/// The same, with leaks of `lump` members at once.
pub(super) fn lumpy(
    noise: Noise,
    rates: [f64; 2],
    lump: f64,
    minutes: f64,
    seed: u64,
    options: &Options,
) -> (Vec<Phase>, Options) {
    let (mut runs, options) = family(&[(noise, rates, lump)], minutes, seed, options);
    (runs.remove(0), options)
}

/// The phases of several metrics of one run, each with its noise and leak.
pub(super) fn family(
    metrics: &[(Noise, [f64; 2], f64)],
    minutes: f64,
    seed: u64,
    options: &Options,
) -> (Vec<Vec<Phase>>, Options) {
    let plan = Plan::new(minutes * 60.0, 10.0, seed);
    let options = Options { warmup_cycles: plan.warmup_cycles, seed, ..options.clone() };
    let seeds = (0_u64..).map(|n| seed.wrapping_add(n << 32));
    let run = |(seed, (noise, rates, lump)): (u64, &(Noise, [f64; 2], f64))| {
        phases(&plan, minutes * 60.0, *noise, *rates, *lump, seed)
    };
    let mut runs: Vec<Vec<Phase>> = seeds.zip(metrics).map(run).collect();
    let sure = |pairs: &usize| runs.iter().any(|phases| is_sure(&phases[..2 * pairs], &options));
    // No run is sure before the first e-process reached its threshold.
    let stops = runs.iter().filter_map(|phases| EProcess::of(phases, &options).stopped());
    let first = stops.min().unwrap_or(usize::MAX);
    if let Some(pairs) = (first..=plan.pairs()).find(sure) {
        runs.iter_mut().for_each(|phases| phases.truncate(2 * pairs));
    }
    (runs, options)
}

/// All planned phases of one metric.
fn phases(
    plan: &Plan,
    seconds: f64,
    noise: Noise,
    [rate, timed]: [f64; 2],
    lump: f64,
    seed: u64,
) -> Vec<Phase> {
    let mut random = Rng::with_seed(seed);
    let course = Course::new(noise, seconds, &mut random);
    let scatter = if noise == Noise::Still { 0.0 } else { 1.0 };
    let (mut at, mut cycles) = (plan.warmup, plan.warmup_cycles);
    let mut leaked = 0.0;
    let mut driven = vec![(0.0, plan.warmup)];
    let mut read = |at: f64, cycles: f64, leaked: f64, driven: &[(f64, f64)]| {
        let cleared_late = self_clearing(noise, at, driven) * plan.cycles_per_second;
        (200.0 + scatter * normal(&mut random) + course.at(at, cycles) + leaked + cleared_late)
            .round()
    };
    let mut drops = Rng::with_seed(seed ^ 0x5eed);
    let mut phases: Vec<Phase> = Vec::new();
    // The warm-up settles like a phase.
    let rest = plan.steps.first().map_or(0.0, |step| step.settle);
    let mut before = read(at + rest, cycles, leaked, &driven);
    for step in &plan.steps {
        let own = if step.driven { step.drive * plan.cycles_per_second } else { 0.0 };
        if step.driven {
            driven.push((at + rest, at + rest + step.drive));
        }
        let seconds = step.drive + step.settle;
        at += seconds;
        cycles += own;
        let mean = own * rate / ROTATIONS + timed * seconds / 60.0;
        leaked += lump * poisson(mean / lump, &mut drops);
        let after = read(at + rest, cycles, leaked, &driven);
        phases.push(Phase { driven: step.driven, at, cycles: own, seconds, before, after });
        before = after;
    }
    phases
}

/// Seconds of load whose members are still alive.
fn self_clearing(noise: Noise, at: f64, driven: &[(f64, f64)]) -> f64 {
    let Noise::SelfClearing(seconds) = noise else { return 0.0 };
    let since = at - f64::from(seconds);
    driven.iter().map(|(from, to)| (to.min(at) - from.max(since)).max(0.0)).sum()
}
