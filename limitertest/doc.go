// Package limitertest checks that a [lambdabatch.Limiter] keeps the rules that a
// Batcher, and those who share the limiter, rely on. It is for the tests of
// limiters that you write, and the limiters of lambdabatch pass it, too.
//
//	func TestMyLimiter(t *testing.T) {
//		limitertest.Run(t, func(t *testing.T, c limitertest.Ceilings) lambdabatch.Limiter {
//			if c.InFlight > 0 {
//				t.Skip("it bounds the rate only")
//			}
//			return NewMyLimiter(c.PerSecond, c.Burst)
//		})
//	}
//
// # The rules
//
// Each is a subtest, which says what must hold and why it matters.
//
//   - Ceilings: whoever comes and goes, no more permits are out than InFlight,
//     and no span of time sees more than Burst and what PerSecond gives in it.
//   - EverybodyIsServed: a permit comes for each who waits for it.
//   - Fairness: nobody waits for ever while others come again and again.
//   - ContextEnds: Acquire returns promptly, with an error in which errors.Is
//     finds that of the context.
//   - WaitersWhoLeave: they take no capacity along, and leave none behind.
//   - ReleaseTwice: only the first call of release counts.
//   - NotUsed: such a permit goes back whole, its share of the rate as well.
//   - Feedback: whatever came of an invocation, its permit is back.
//   - Goroutines: at rest there are no more than when the limiter was made, and
//     none when the cleanups of the factory have run.
//
// # Adaptive limiters
//
// Ceilings bound a limiter from above. One that begins below them, or retreats
// when it hears of throttles, passes: capacity is compared with what the same
// limiter, or a twin without the disturbance, gave. It must let one invocation
// start now and then, whatever it was told, and come back to no less than it
// gave before when all that it heard was good.
//
// # Time
//
// The checks run in testing/synctest bubbles, where hours pass in no time and
// nothing depends on how fast the machine is. Make the limiter in the factory and
// not before, with its goroutines, timers and channels. If it has to be closed,
// let t.Cleanup do it. A limiter that talks to others over a network cannot run in
// a bubble: see [RealTime].
package limitertest
