package limit

import "time"

// All constants of the search stand here, each with its reason. They were chosen
// by measuring with benchmarks/limiter, on other seeds than those that it shows.

// Of the search for a rate.
const (
	// paceStart is less than the smallest account may start, 10 for each of 10
	// concurrent executions; where there is more it doubles within the second.
	paceStart = 40.0
	// paceFirstBurst is for the first invocations of a process: it has not taken
	// anything from any bucket yet. It comes once.
	paceFirstBurst = 8
	// paceFloor is one invocation every 5 s: with less nothing would be learnt.
	paceFloor = 0.2

	// paceDoubling is how often a search doubles the rate: not before the answers to
	// some invocations at the last one are there.
	paceDoubling        = 500 * time.Millisecond
	paceDoublingSamples = 10.0

	// What a cut leaves. Up to paceSmall invocations a second a cut must make room at
	// once, for the next one comes late; from paceGreat on it can follow within
	// milliseconds. While searching, the level may be half as much again as the quota:
	// the cut is deeper, and what is taken for the quota is paceSearchMark of it.
	paceSearchBeta = 0.6
	paceSearchMark = 0.8
	paceBetaSmall  = 0.75
	paceBetaGreat  = 0.9
	paceSmall      = 100.0
	paceGreat      = 500.0

	// paceYield is how much of its depth a cut takes off the mark when the quota turned
	// out to be below it: a quarter leaves others some room. With more, a quota that goes
	// up and down is never found again.
	paceYield = 0.25

	// paceRise is how far past the mark the rate goes in as long as the way back to
	// it took. More finds a new quota sooner, and a quota that stays more often.
	paceRise = 1.2

	// paceSearchAgain is when to search again, as a multiple of the mark: with less,
	// the depth of a bucket is taken for a new quota.
	paceSearchAgain = 1.3

	// paceFarAbove is how much more than what was measured a level may be, to be cut
	// itself: if it is more, nobody has asked for it of late.
	paceFarAbove = 1.5

	// paceBurst is the part of a second's invocations that may start at once. Pacing
	// costs nothing; bursts meet buckets that others have emptied.
	paceBurst = 0.010

	// paceMaxHold is the longest that a Retry-After holds all invocations of a scope.
	paceMaxHold = 30 * time.Second
)

// DefaultProbeInterval is how long after a cut the rate is back where it was cut.
const DefaultProbeInterval = 4500 * time.Millisecond

// Below paceSlow invocations a second the way back is longer, up to paceSlowest times:
// one throttle is a greater share of few invocations.
const (
	paceSlow    = 5.0
	paceSlowest = 5.0 / 3
)

// Of the search for a number in flight.
const (
	// slotsStart is less than the smallest account has, 10.
	slotsStart = 8.0
	// slotsSearchStep is what a success adds while searching, if slotsInUse of the
	// slots were in use: so they triple in the time of an invocation.
	slotsSearchStep = 2.0
	slotsInUse      = 0.8
	// slotsDoubling is how often a search doubles the number even if no invocation
	// ends, and slotsLook how often it is looked at while nothing else happens.
	slotsDoubling = 2 * time.Second
	slotsLook     = 100 * time.Millisecond

	// A scope of which a single invocation is refused has no slot at all, for now.
	// It is asked again after slotsPause, twice that, … up to slotsPauseMax.
	slotsPause    = 100 * time.Millisecond
	slotsPauseMax = 5 * time.Second

	// slotsBeta is what a cut leaves. A number in flight is known exactly, unlike a
	// rate: a small step back is enough, unless cuts follow each other.
	slotsBeta      = 0.96
	slotsHasteBeta = 0.8

	// slotsYield is paceYield for the number in flight: of a small step half may go.
	slotsYield = 0.5

	// slotsRise is how far past the mark the number goes in as long as the way back
	// to it took, and slotsSlope what is added a second beside, so that processes
	// that have few get their share.
	slotsRise  = 1.5
	slotsSlope = 0.10

	// slotsSearchAgain is when to search again, as a multiple of the mark and one
	// slot: there is no bucket to be taken for a quota.
	slotsSearchAgain = 1.03

	// The way back to the mark must not be shorter than it takes to see what the last
	// step did: some durations of an invocation.
	slotsIntervalMin = 4500 * time.Millisecond
	slotsIntervalMax = 20 * time.Second
	slotsDurations   = 4
	slotsSmoothing   = 0.05
)

// hasteWithin is how soon after a cut another one means that the quota is far
// below, and not just missed.
const hasteWithin = 300 * time.Millisecond

// Of the breaker.
const (
	// Of the last breakerWindow outcomes, if there are breakerLeast, one in
	// breakerShare failed, or the last breakerInARow did: then it opens.
	breakerWindow = 24
	breakerLeast  = 12
	breakerShare  = 2
	breakerInARow = 8

	// The first pause, and the longest, before a probe. With a longer one a service
	// that is back would not be found within seconds.
	breakerFirst   = time.Second
	breakerLongest = 5 * time.Second
	// breakerPatience is how long a probe may keep the next one waiting: a function
	// can take minutes to answer.
	breakerPatience = 5 * time.Second
)
