// Package engine is the life of a record between Submit and its outcome: the
// bounded buffer, the lanes, permits, sealing, retries, and the end.
//
// It works on bytes and knows neither Lambda nor the user's types. What an
// invocation is, the face tells it by two functions, Config.Acquire and
// Config.Send; what becomes of a record, the engine tells the record's Owner.
//
// One mutex guards everything an Engine owns. It is never held across a wait
// nor while code of others runs. At rest an Engine has no goroutine and no
// timer: a lane that waits has a timer, an invocation has a goroutine, and that
// is all.
package engine
