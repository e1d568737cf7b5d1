package limitertest

// A rule is something that every limiter must keep.
type rule struct {
	name  string
	text  string
	why   string
	with  []Ceilings // of the limiters that it is checked with
	check func(*check)
}

var rules = []rule{
	{
		name: "Ceilings",
		text: "Whoever comes and goes, no more permits are out than InFlight, and no span of time sees more than Burst and what PerSecond gives in it.",
		why:  "Each invocation above the quota is a 429 for this process or for somebody else's.",
		with: []Ceilings{
			{PerSecond: 20, Burst: 5}, {InFlight: 5}, {PerSecond: 20, Burst: 5, InFlight: 3},
		},
		check: ceilingsHold,
	},
	{
		name:  "EverybodyIsServed",
		text:  "A permit comes for each who waits for it, also when others leave the line.",
		why:   "A waiter who is forgotten holds the records of his lane back until something else wakes him: perhaps never.",
		with:  []Ceilings{{PerSecond: 50, Burst: 2}, {InFlight: 3}},
		check: everybodyIsServed,
	},
	{
		name:  "Fairness",
		text:  "Nobody waits for ever while others come again and again, of the same function or of another.",
		why:   "A limiter is shared: one busy Batcher, or one busy function, must not starve the rest.",
		with:  []Ceilings{{PerSecond: 100, Burst: 1}, {InFlight: 1}},
		check: nobodyStarves,
	},
	{
		name:  "ContextEnds",
		text:  "When the context ends, Acquire returns promptly, with an error in which errors.Is finds that of the context.",
		why:   "Any other error fails the records of the batch, and who does not return keeps Shutdown from ending.",
		with:  []Ceilings{{PerSecond: 0.02, Burst: 1}, {InFlight: 1}},
		check: contextEnds,
	},
	{
		name:  "WaitersWhoLeave",
		text:  "Who leaves the line takes no capacity along, and leaves none behind, also if the permit came at the same moment.",
		why:   "Records are cancelled all the time; capacity that is lost with them never comes back, and the limiter gets slower from day to day.",
		with:  []Ceilings{{PerSecond: 20, Burst: 1}, {InFlight: 4}},
		check: nothingIsLost,
	},
	{
		name:  "ReleaseTwice",
		text:  "Only the first call of release counts.",
		why:   "A slot or a token that is given back twice is one that nobody had: the ceilings do not hold any more.",
		with:  []Ceilings{{PerSecond: 0.02, Burst: 2}, {InFlight: 2}},
		check: releaseCountsOnce,
	},
	{
		name:  "NotUsed",
		text:  "A permit that was not used goes back whole, its share of the rate as well.",
		why:   "When the records that a permit was for are gone, nothing was sent: the quota is for those who have something.",
		with:  []Ceilings{{PerSecond: 2, Burst: 1}},
		check: notUsedGoesBack,
	},
	{
		name:  "Feedback",
		text:  "Whatever came of an invocation, its permit is back, also if Lambda said something new.",
		why:   "AWS adds reasons of throttles; and a slot that some failure keeps is lost for the life of the process.",
		with:  []Ceilings{{InFlight: 1}},
		check: anyFeedbackFrees,
	},
	{
		name:  "Goroutines",
		text:  "At rest there are no more goroutines than when the limiter was made, and none when it was closed.",
		why:   "One that stays for each waiter who left is a leak that ends the process.",
		with:  []Ceilings{{PerSecond: 20, Burst: 1}, {InFlight: 2}},
		check: noGoroutineIsLeft,
	},
}
