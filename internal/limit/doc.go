// Package limit lets invocations start: no faster than a rate and no more at a
// time than a number, for an account and for each of its functions.
//
// Who has to wait stands in one line per function, and the functions with
// somebody in line take turns, so that none holds up another. A permit is
// granted when the account and the function both have a slot and a token, and
// takes all of them at one instant: nobody holds a part while waiting for
// the rest, and who goes away takes nothing along.
package limit
