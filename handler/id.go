package handler

import "context"

// ID is the ID of the record that ctx, the context given to a function, is about:
// the one that stays the same when the record is sent again, by which a function can
// recognise what it has seen. For SQS it is the messageId. It is empty for an array, a
// single value and any other context.
func ID(ctx context.Context) string {
	id, _ := ctx.Value(idKey{}).([]byte)
	return string(id)
}

type idKey struct{}

// recordContext is the context of one record.
type recordContext struct {
	context.Context //nolint:containedctx // it is a context
	id              []byte
}

func (c *recordContext) Value(key any) any {
	if key == (idKey{}) {
		return c.id
	}
	return c.Context.Value(key)
}
