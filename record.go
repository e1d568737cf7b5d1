package lambdabatch

import (
	"errors"
	"fmt"
	"regexp"
	"unicode/utf8"

	"github.com/lambdabatch/lambdabatch/internal/engine"
)

// RecordOption is a setting of one record.
type RecordOption interface {
	applyRecord(*engine.Record) error
}

// ID sets the ID of a record, which its result is matched by, and which stays
// the same through all attempts. It must not be empty and must be UTF-8. Two
// records with the same ID may be under way, but never in the same batch.
// Default: a generated one, unique across processes.
func ID(id string) RecordOption { return recordID(id) }

type recordID string

func (id recordID) applyRecord(r *engine.Record) error {
	if id == "" || !utf8.ValidString(string(id)) {
		return fmt.Errorf("ID(%q): must be UTF-8 and not empty", string(id))
	}
	r.ID, r.CallerID = string(id), true
	return nil
}

// Tenant sets the TenantId of the invocation that carries the record: records of
// different tenants never share a batch. Functions with tenant isolation need
// it; others refuse it. Lambda allows 1 to 256 letters, digits, spaces and
// ._:/=+-@ (AWS Lambda API Reference, "Invoke"). Default: none.
func Tenant(id string) RecordOption { return tenant(id) }

type tenant string

var tenantPattern = regexp.MustCompile(`^[a-zA-Z0-9._:/=+\-@ ]{1,256}$`)

func (t tenant) applyRecord(r *engine.Record) error {
	if !tenantPattern.MatchString(string(t)) {
		return fmt.Errorf("Tenant(%q): must be 1 to 256 letters, digits, spaces or ._:/=+-@", string(t))
	}
	r.SetTenant(string(t))
	return nil
}

// OrderingKey keeps records in order: of those with the same key (and the same
// tenant) one is under way at a time, in the order in which they were submitted, also
// through retries and splits; the next is sent when the one before has its outcome,
// whatever that is. Records of other keys, and of none, flow on. A key is so at most as fast as
// one record for each invocation. It must not be empty. Default: none.
func OrderingKey(key string) RecordOption { return orderingKey(key) }

type orderingKey string

func (k orderingKey) applyRecord(r *engine.Record) error {
	if k == "" {
		return errors.New(`OrderingKey(""): must not be empty; leave the option out for none`)
	}
	r.SetKey(string(k))
	return nil
}
