// Package wire writes and reads the JSON that travels between this library and
// a Lambda function. It knows bytes only: no types of the user, no AWS.
//
// It does by hand what encoding/json does, and agrees with it on what is JSON,
// because all of it lies on the path of every record: one pass, no reflection,
// and strings and values that alias the payload they were found in.
package wire
