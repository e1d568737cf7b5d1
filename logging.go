package lambdabatch

import (
	"context"
	"errors"
	"log/slog"
)

// logHooks logs what the Batcher does. Payloads and what functions say in
// their errors can hold what is the users' own, and are left out.
func logHooks(l *slog.Logger) Hooks {
	if !l.Enabled(context.Background(), slog.LevelError) {
		return Hooks{}
	}
	return Hooks{
		Sealed: func(e SealedEvent) {
			l.Debug("lambdabatch: batch sealed",
				"function", e.Function, "tenant", e.Tenant, "records", e.Records, "bytes", e.Bytes, "reason", e.Reason.String())
		},
		Invoked: func(ctx context.Context, e InvokedEvent) {
			level, message := slog.LevelDebug, "lambdabatch: invocation answered"
			attrs := []slog.Attr{
				slog.String("function", e.Function), slog.String("tenant", e.Tenant), slog.Int("records", e.Records),
				slog.Duration("duration", e.Duration), slog.String("request_id", e.RequestID),
			}
			switch {
			case e.Throttled:
				level, message = slog.LevelInfo, "lambdabatch: invocation throttled"
				attrs = append(attrs, slog.String("reason", string(e.Reason)))
			case e.Err != nil:
				level, message = slog.LevelWarn, "lambdabatch: invocation failed"
				attrs = append(attrs, slog.String("certainty", e.Certainty.String()), slog.String("error", safely(e.Err)))
			case e.Missing > 0 || e.Unmatched > 0:
				level, message = slog.LevelWarn, "lambdabatch: the function's answer does not match the batch"
				fallthrough
			default:
				attrs = append(attrs, slog.Int("succeeded", e.Succeeded), slog.Int("failed", e.Failed),
					slog.Int("retry", e.Retry), slog.Int("missing", e.Missing), slog.Int("unmatched", e.Unmatched))
			}
			l.LogAttrs(ctx, level, message, attrs...)
		},
	}
}

// safely is an error's text without what a function or a panic says in it.
func safely(err error) string {
	var failed *FunctionError
	var panicked *PanicError
	switch {
	case errors.As(err, &failed):
		return "the function failed: " + failed.Kind.String()
	case errors.As(err, &panicked):
		return "panic in " + panicked.In
	default:
		return err.Error()
	}
}

// panicked logs a panic that has no record to fail.
func (v *invocation) panicked(err error) {
	v.logger.Error("lambdabatch: panic", "error", err.Error())
}
