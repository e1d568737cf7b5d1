package lambdabatch_test

import (
	"encoding/json"
	"errors"
	"runtime"

	"github.com/lambdabatch/lambdabatch"
)

// order is what the records of the simulation hold.
type order struct {
	Key  int       `json:"key"` // no other has it
	Kind orderKind `json:"kind"`
	N    int       `json:"n,omitempty"`
	Pad  string    `json:"pad,omitempty"`
}

// orderKind is what is special about an order.
type orderKind string

const (
	orderPlain orderKind = "plain"

	// On the way there.
	orderUnencodable    orderKind = "unencodable"
	orderPanicsEncoding orderKind = "panics encoding"
	orderExitsEncoding  orderKind = "exits encoding"

	// In the function's answer.
	orderRefused        orderKind = "refused"
	orderRefusedInWords orderKind = "refused in words"
	orderStrange        orderKind = "strange" // has a status that is none of the three
	orderAgain          orderKind = "again"   // is asked for again N times
	orderMissing        orderKind = "missing"
	orderDoubled        orderKind = "doubled"
	orderEmpty          orderKind = "empty" // succeeds without data

	// On the way back.
	orderUndecodable    orderKind = "undecodable"
	orderPanicsDecoding orderKind = "panics decoding"
	orderExitsDecoding  orderKind = "exits decoding"

	// The function fails as a whole.
	orderPanics      orderKind = "poison: panics"
	orderExits       orderKind = "poison: exits"
	orderFails       orderKind = "poison: fails"
	orderHangs       orderKind = "poison: hangs"
	orderFloods      orderKind = "poison: floods"
	orderOutOfMemory orderKind = "poison: out of memory"
)

// harmless are the kinds that harm no record but their own, and poisons those that
// do harm to others.
var (
	harmless = []orderKind{
		orderUnencodable, orderPanicsEncoding, orderRefused, orderRefusedInWords, orderStrange, orderMissing, orderDoubled, orderEmpty,
		orderUndecodable, orderPanicsDecoding, orderAgain, orderAgain, orderAgain,
	}
	poisons = []orderKind{orderPanics, orderExits, orderFails, orderHangs, orderFloods, orderOutOfMemory}
)

// poison is the kind of FunctionError that the order makes, if it does.
func (o order) poison() (kind lambdabatch.FunctionErrorKind, ok bool) {
	switch o.Kind {
	case orderPanics, orderFails:
		return lambdabatch.KindUnhandled, true
	case orderExits:
		return lambdabatch.KindExited, true
	case orderHangs:
		return lambdabatch.KindTimeout, true
	case orderFloods:
		return lambdabatch.KindResponseTooLarge, true
	case orderOutOfMemory:
		return lambdabatch.KindOutOfMemory, true
	default:
		return 0, false
	}
}

type plainOrder order

// payload is the order as it has to be sent.
func (o order) payload() []byte {
	payload, err := json.Marshal(plainOrder(o))
	if err != nil { // strings and numbers always encode
		panic(err)
	}
	return payload
}

func (o order) MarshalJSON() ([]byte, error) {
	switch o.Kind {
	case orderUnencodable:
		return nil, errors.New("not in JSON")
	case orderPanicsEncoding:
		panic("not in JSON")
	case orderExitsEncoding:
		runtime.Goexit()
	default:
	}
	return o.payload(), nil
}

// answer is what the function says of an order.
type answer struct {
	Key  int    `json:"key"`
	Run  int    `json:"run"` // the function has had the order so many times
	Text string `json:"text"`
}

type plainAnswer answer

func (a *answer) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, (*plainAnswer)(a)); err != nil {
		return err
	}
	switch orderKind(a.Text) {
	case orderPanicsDecoding:
		panic(errLie)
	case orderExitsDecoding:
		runtime.Goexit()
	default:
	}
	return nil
}
