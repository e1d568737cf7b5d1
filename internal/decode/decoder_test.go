package decode_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lambdabatch/lambdabatch/internal/decode"
)

// documents are what the tests read, into each type of subjects.
var documents = []string{
	// Of each kind.
	`null`, `true`, `false`, `0`, `-0`, `1`, `-1`, `1.5`, `1e2`, `1E-2`, `-0.0`, `""`, `"a"`, `"1"`, `[]`, `{}`, `[1,2,3]`, `[null]`, `["a",null]`,
	`[[]]`, `[{}]`, `{"a":1}`,
	" null ", "\n{ }\t", " 1 ", " \"a\" ", "[ 1 , 2 ]",

	// Numbers at the limits.
	`127`, `128`, `-128`, `-129`, `255`, `256`, `32768`, `65536`, `2147483648`, `-2147483649`, `4294967296`, `9223372036854775807`, `9223372036854775808`,
	`-9223372036854775808`, `-9223372036854775809`, `9999999999999999999`, `10000000000000000000`, `18446744073709551615`, `18446744073709551616`,
	`100000000000000000000`, `9007199254740993`, `16777217`, `3.4028235e38`, `3.5e38`, `1.7976931348623157e308`, `1e309`, `-1e999`, `5e-324`, `1e-400`,
	`0.1000000000000000055511151231257827021181583404541015625`,

	// Strings.
	`"\u00e9\n\"\\\/"`, `"é😀 "`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ud83d\u0041"`, `"\ude00\ud83d"`, `"\ud83d\ud83d\ude00"`, "\"\xff\"", "\"a\xc3\"",
	"\"\xed\xa0\x80\"", "\"\xe2\x82\\u00ac\\n\"", "\"\xef\xbf\xbd\"", `"2026-11-23T07:00:00Z"`, `"2026-11-23T07:00:00.5+01:00"`, `"yesterday"`, `"AAEC"`, `"A"`,
	`"` + strings.Repeat("long ", 100) + `"`,

	// Names.
	orderJSON,
	`{"number":1,"item":"a","count":2,"cents":3,"gift":true,"note":"b"}`,
	`{"note":"b","gift":true,"cents":3,"count":2,"item":"a","number":1}`,
	`{"number":1,"unknown":[{"number":2},"\u0041",null],"count":2}`,
	` { "number" : 1 , "item" : "a" , "gift" : false } `,
	`{"Number":1,"ITEM":"a"}`, `{"number":1,"Number":2}`, `{"Number":2,"number":1}`, `{"number":1,"number":2}`, `{"number":1,"number":null}`,
	`{"\u006eumber":1}`, `{"n\u0075mber":1,"number":2}`, "{\"it\xffem\":1,\"item\":\"a\"}", "{\"\xff\":1}", `{"":1}`, `{"-":1}`, `{"num_ber":1}`, `{"num-ber":1}`,
	"{\"\u212aelvin\":1}", "{\"kelvin\":1}", "{\"KELVIN\":1}", "{\"\u017fize\":1}", `{"größe":1}`, `{"GRÖßE":1}`, `{"GRÖẞE":1}`, `{"größe":2,"x":1}`,
	`{"number":null,"item":null,"count":null,"gift":null}`, `{"number":-1}`, `{"number":"1"}`, `{"number":1.0}`, `{"number":1e2}`, `{"number":-0}`, `{"number":{}}`,
	`{"item":1}`, `{"item":true}`, `{"item":["a"]}`, `{"gift":0}`, `{"gift":"true"}`, `{"count":"3"}`, `{"count":3.5,"cents":4.5}`, `{"count":[1]}`, `[{"number":1}]`,

	// The fields of the other subjects.
	`{"Int8":128}`, `{"Int8":-128,"Int16":-32768,"Int32":1,"Int64":2,"Uint8":255,"Uint16":65535,"Uint32":1,"Uint64":2,"Uintptr":3,"Float32":1.5,"Float64":-0}`,
	`{"Float32":1e39}`, `{"Float32":16777217,"Float64":16777217}`, `{"Uint8":256}`, `{"Uint8":-0}`, `{"Float64":"1"}`, `{"Float64":null}`,
	`{"raw":{"a" : [1, "\u0041"]}}`, `{"raw":null}`, `{"raw":"\ud800"}`, "{\"raw\": \"\xff\" }", `{"raw":1,"raw":2}`, `{"pointer":null}`, `{"pointer":{}}`,
	`{"pointer":{"pointer":{"name":"c","list":[{"name":"d"},null,{}]},"name":"b"},"name":"a"}`, `{"pointer":{"name":1}}`, `{"pointer":{"name":"a"},"pointer":{}}`,
	`{"list":null}`, `{"list":[]}`, `{"list":[null]}`, `{"list":[{"name":"a"},{"name":"b"},{"name":"c"},{"name":"d"},{"name":"e"}]}`, `{"list":[{"name":1}]}`,
	`{"list":{}}`, `{"list":"a"}`, `{"list":[{"name":"a"}],"list":[{}]}`, `{"nested":{"number":1},"nested":{"item":"a"}}`, `{"nested":null,"name":"a"}`, `{"nested":[]}`,
	`{"nested":{"number":1,"item":"a"},"name":"a"}`, `{"nested":{"number":"1"}}`, `{"nested":{"Number":1}}`,
	`{"time":"2026-11-23T07:00:00Z","at":"2026-11-23T07:00:00Z"}`, `{"time":null,"at":null}`, `{"time":""}`, `{"time":1}`, `{"at":"tomorrow"}`, `{"time":"2026-11-23T7:00:00Z"}`,
	`{"time":"2026-11-23T07:00:00,5Z"}`, `{"time":"2026-11-23T07:00:00\u005a"}`, `{"time":"2026-11-23T07:00:00+25:00"}`,
	`{"bytes":"AAEC","any":{"a":[1,"b",null,true]},"map":{"a":1,"b":2},"array":[1,2,3],"num":1.50,"ints":[1,2]}`, `{"bytes":[1,2]}`, `{"bytes":"?"}`, `{"any":1e999}`,
	`{"map":{"a":"b"}}`, `{"map":null,"any":null,"array":null,"bytes":null,"num":null}`, `{"num":"1"}`, `{"num":"a"}`, `{"num":true}`, `{"array":[1]}`, `{"map":{"a":1},"map":{"b":2}}`,
	`{"any":{"a":1},"any":{"b":2}}`, `{"ints":[1,"a"]}`, `{"array":[1],"array":[2,3]}`,
	`{"quoted":"1"}`, `{"quoted":1}`, `{"-":"a","Dash":"b"}`, `{"Embedded":1,"number":2}`, `{"same":1}`, `{"Same":1}`, `{"SAME":2,"same":3}`, `{"hidden":1,"Shown":2}`,
	`{"word":"a"}`, `{"word":null}`, `{"word":"bad"}`, `{"word":{"a":1}}`, `{"word":"a","count":"b"}`, `{"text":"a"}`, `{"text":1}`, `{"words":["a","b",null]}`,
	`{"F00":1,"F64":[1],"F64":null,"F10":4}`, `[{"F00":1},{"F64":[]}]`, `{"F00":1,"F01":2,"F63":3}`,
	`{"Item":"a","it\"em":"b","item":"c"}`, `{"num":1,"Number":2}`, `{"co unt":1}`, `{"'cents'":1,"Cents":2}`,
	`{"Chan":null,"Func":null}`, `{"Chan":1}`, `{"Reader":null}`, `{"Reader":1}`, `{"Complex":1}`,

	// Not JSON.
	``, ` `, `{`, `{"number":1`, `{"number":1}}`, `{"number":01}`, `{"number":-}`, `{"number":1,}`, `{"number" 1}`, `{"item":"a}`, `{"gift":truer}`, `{"gift":tru}`, `{"item":nul}`,
	`01`, `-`, `-01`, `1.`, `+1`, `Infinity`, `inf`, `NaN`, `0x10`, `1_000`, `truefalse`, `[1,]`, `"a`, "\"\n\"", `"\x"`, `{"raw":}`, `{"raw":tru}`, `{"time":"2026-11-23T07:00:00Z}`,
	`{"any":{"a":}}`, `{"number":1}x`, `{"nested":{"number":1}`, `{"unknown":tru,"number":1}`, `{"list":[{}`, `{"word":"a"`, `"2026-11-23T07:00:00Z"}`,
}

type (
	numbers struct {
		Int8    int8
		Int16   int16
		Int32   int32
		Int64   int64
		Uint8   uint8
		Uint16  uint16
		Uint32  uint32
		Uint64  uint64
		Uintptr uintptr
		Float32 float32
		Float64 float64
	}
	cents    int
	name     string
	yes      bool
	ratio    float32
	blob     []byte
	rawAlike json.RawMessage
	named    struct {
		Number cents  `json:"number,omitempty"`
		Item   name   `json:"item,omitzero"`
		Gift   yes    `json:"gift,"` //nolint:staticcheck // encoding/json minds no comma
		Count  *cents `json:"count"`
		Ratio  ratio
		_      int
	}
	tree struct {
		Name    string          `json:"name"`
		Pointer *tree           `json:"pointer"`
		List    []tree          `json:"list"`
		Nested  order           `json:"nested"`
		Raw     json.RawMessage `json:"raw"`
	}
	moments struct {
		Time time.Time  `json:"time"`
		At   *time.Time `json:"at"`
		Item string     `json:"item"`
	}
	mixed struct {
		Bytes []byte         `json:"bytes"`
		Any   any            `json:"any"`
		Map   map[string]int `json:"map"`
		Array [2]int         `json:"array"`
		Num   json.Number    `json:"num"`
		Ints  []int          `json:"ints"`
		Count int            `json:"count"`
	}
	letters struct {
		Kelvin int `json:"kelvin"`
		Size   int `json:"size"`
		Größe  int `json:"größe"`
		X      int `json:"x"`
		Under  int `json:"num_ber"`
		Minus  int `json:"num-ber"`
	}
	dashes struct {
		Dash  string `json:"-,"` //nolint:staticcheck // a name like any other
		Never string `json:"-"`
		Item  string
	}
	quoted struct {
		Quoted int    `json:"quoted,string"`
		Item   string `json:"item"`
	}
	oddTags struct {
		Item  string `json:"it\"em"` //nolint:staticcheck // not taken for a name
		Count int    `json:"co unt"`
		Cents int    `json:"'cents'"`
	}
	oddOption struct {
		Number int `json:"num,ber"` //nolint:staticcheck // no such option
	}
	Embedded struct {
		Embedded int
		Number   int `json:"number"`
	}
	embedding struct {
		Embedded
		Item string `json:"item"`
	}
	embeddingPointer struct {
		*Embedded
		Item string `json:"item"`
	}
	ambiguous struct {
		Same int
		A    int `json:"Same"`
	}
	folded struct {
		A int `json:"same"`
		B int `json:"Same"`
		C int `json:"SAME"`
	}
	hidden struct {
		_     int
		Shown int
	}
	onlyHidden struct{ _ int }
	strange    struct {
		Chan    chan int
		Func    func()
		Reader  interface{ Read(p []byte) (int, error) }
		Complex complex64
		Number  int `json:"number"`
	}
	codes struct {
		Word  word    `json:"word"`
		Words []*word `json:"words"`
		Count int     `json:"count"`
	}
	texts struct {
		Text text         `json:"text"`
		Map  map[text]int `json:"map"`
		Item string       `json:"item"`
	}
	promoted struct {
		word
		Number int `json:"number"`
	}
	list []list
)

// word counts how often it was told what it is.
type word struct {
	JSON  string
	Times int
}

var errWord = errors.New("a bad word")

func (w *word) UnmarshalJSON(data []byte) error {
	w.JSON = string(data)
	w.Times++
	switch w.JSON {
	case `"bad"`, `1`:
		return errWord
	case `true`:
		return json.Unmarshal(data, &w.JSON)
	}
	return nil
}

type wordlist map[string]int

func (w wordlist) UnmarshalJSON(data []byte) error {
	if w != nil {
		w[string(data)]++
	}
	return nil
}

type text struct{ Text string }

func (t *text) UnmarshalText(data []byte) error {
	t.Text += string(data)
	if t.Text == "1" {
		return errWord
	}
	return nil
}

// subjects compare a Decoder with json.Unmarshal.
var subjects = []func(t *testing.T, data []byte){
	same[string], same[bool], same[int], same[int8], same[int16], same[int32], same[int64], same[uint], same[uint8], same[uint16], same[uint32], same[uint64],
	same[uintptr], same[float32], same[float64], same[cents], same[name], same[yes], same[ratio],
	same[order], same[*order], same[**order], same[[]order], same[[]*order], same[numbers], same[named], same[tree], same[*tree], same[moments], same[mixed], same[letters],
	same[[]string], same[[]int], same[[][]int], same[[]float64], same[*string], same[list], same[[]time.Time], same[[]json.RawMessage], same[*json.RawMessage],
	same[many], same[[]many], same[struct{}], same[struct{ Number, Item int }],
	same[dashes], same[quoted], same[oddTags], same[oddOption], same[embedding], same[embeddingPointer], same[ambiguous], same[folded], same[hidden], same[onlyHidden], same[strange],
	same[any], same[map[string]any], same[map[string]order], same[map[int]string], same[[2]int], same[[]byte], same[blob], same[rawAlike], same[[]any], same[complex128], same[chan int],
	same[json.Number], same[json.RawMessage], same[time.Time], same[*time.Time], same[time.Duration],
	same[word], same[*word], same[**word], same[[]word], same[[]*word], same[map[string]word], same[codes], same[text], same[*text], same[[]text], same[texts], same[promoted], same[wordlist],
	same[json.Unmarshaler], same[error],
	same[struct{ Nested embedding }], same[struct {
		Nested mixed `json:"nested"`
		Number int   `json:"number"`
	}],
}

// decoders are kept for the fuzz test, by their type.
var decoders sync.Map

func same[T any](t *testing.T, data []byte) {
	t.Helper()
	kept, _ := decoders.LoadOrStore(reflect.TypeFor[T](), decode.New[T]())
	var want, got T
	wantErr := caught(func() error { return json.Unmarshal(data, &want) })
	gotErr := caught(func() error { return kept.(*decode.Decoder[T]).Decode(data, &got) })
	if !assert.ObjectsAreEqual(wantErr, gotErr) {
		t.Errorf("%T from %.200q: error %#v, want %#v", want, data, gotErr, wantErr)
	}
	if !reflect.DeepEqual(want, got) {
		t.Errorf("%T from %.200q: %#v, want %#v", want, data, got, want)
		return
	}
	// What DeepEqual does not see: -0.
	wantJSON, _ := json.Marshal(want)
	gotJSON, _ := json.Marshal(got)
	if string(wantJSON) != string(gotJSON) {
		t.Errorf("%T from %.200q: %s, want %s", want, data, gotJSON, wantJSON)
	}
}

// caught makes an error of a panic: that of encoding/json of Go 1.26 with
// GOEXPERIMENT=jsonv2 when a member of type chan or complex is not null.
func caught(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return f()
}

func TestDecodeAsEncodingJSON(t *testing.T) {
	t.Parallel()
	for _, doc := range documents {
		for _, same := range subjects {
			same(t, []byte(doc))
		}
	}
}

// TestDecodeDepth has what encoding/json takes at the utmost, and one more.
func TestDecodeDepth(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{9_999, 10_000, 10_001} {
		arrays := strings.Repeat("[", depth) + strings.Repeat("]", depth)
		trees := strings.Repeat(`{"pointer":`, depth-1) + "{}" + strings.Repeat("}", depth-1)
		unknown := `{"number":1,"unknown":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + `}`
		for _, doc := range []string{arrays, trees, unknown} {
			same[list](t, []byte(doc))
			same[tree](t, []byte(doc))
			same[order](t, []byte(doc))
			same[mixed](t, []byte(doc))
			same[any](t, []byte(doc))
			same[word](t, []byte(doc))
		}
	}
}

// TestDecodeWhatever reads documents that a die has written.
func TestDecodeWhatever(t *testing.T) {
	t.Parallel()
	die := rand.New(rand.NewPCG(1, 2))
	names := []string{
		"number", "item", "count", "cents", "gift", "note", "name", "pointer", "list", "nested", "raw", "time", "at", "bytes", "any", "map", "array", "num", "ints",
		"word", "text", "same", "Same", "Number", "Int8", "Uint8", "Float32", "unknown", "Embedded", "kelvin", "quoted",
	}
	literals := []string{
		"null", "true", "false", "0", "-0", "1", "-7", "300", "1.5", "1e3", "12345678901234567890", `""`, `"a"`, `"\u0041"`, "\"\xff\"", `"2026-11-23T07:00:00Z"`, `"AAEC"`,
	}
	var write func(depth int) string
	write = func(depth int) string {
		kind := die.IntN(10)
		if depth == 0 {
			kind = 9
		}
		var b strings.Builder
		switch {
		case kind < 5:
			b.WriteByte('{')
			for i := range die.IntN(5) {
				if i > 0 {
					b.WriteByte(',')
				}
				b.WriteString(strconv.Quote(names[die.IntN(len(names))]) + ":" + write(depth-1))
			}
			b.WriteByte('}')
		case kind < 7:
			b.WriteByte('[')
			for i := range die.IntN(4) {
				if i > 0 {
					b.WriteByte(',')
				}
				b.WriteString(write(depth - 1))
			}
			b.WriteByte(']')
		default:
			return literals[die.IntN(len(literals))]
		}
		return b.String()
	}
	for range 400 {
		doc := write(4)
		for _, same := range subjects {
			same(t, []byte(doc))
		}
	}
}

// many has more fields than a plan has bits.
type many struct {
	F00, F01, F02, F03, F04, F05, F06, F07, F08, F09, F10, F11, F12, F13, F14, F15, F16, F17, F18, F19, F20, F21 int
	F22, F23, F24, F25, F26, F27, F28, F29, F30, F31, F32, F33, F34, F35, F36, F37, F38, F39, F40, F41, F42, F43 int
	F44, F45, F46, F47, F48, F49, F50, F51, F52, F53, F54, F55, F56, F57, F58, F59, F60, F61, F62, F63           int
	F64                                                                                                          []int
}

func TestDecodeKeepsNothingOfTheData(t *testing.T) {
	t.Parallel()
	data := []byte(`{"name":"abc","raw":{"a":"b"},"pointer":{"name":"def"},"nested":{"item":"\u0041bc"}}`)
	var got, want tree
	require.NoError(t, decode.New[tree]().Decode(data, &got))
	require.NoError(t, json.Unmarshal(data, &want))
	clear(data)
	assert.Equal(t, want, got)
}

// calls counts those of once's methods.
var calls int

type once string

func (*once) UnmarshalJSON([]byte) error { calls++; return nil }

type onceText string

func (*onceText) UnmarshalText([]byte) error { calls++; return nil }

// TestDecodeCallsOnce has a mistake at the end, where it is too late to start anew.
func TestDecodeCallsOnce(t *testing.T) {
	check := func(read func([]byte) error, value string, want int) {
		t.Helper()
		calls = 0
		assert.Error(t, read([]byte(`{"Value":`+value+`,"Number":"?"}`)))
		assert.Equal(t, want, calls)
	}
	check(reader[once](), `1`, 1)
	check(reader[*once](), `1`, 1)
	check(reader[onceText](), `"a"`, 1)
	check(reader[[]once](), `[1,2]`, 2)
	check(reader[[2]once](), `[1,2]`, 2)
	check(reader[map[string]once](), `{"a":1}`, 1)
	check(reader[map[onceText]int](), `{"a":1}`, 1)
	check(reader[struct{ Once once }](), `{"Once":1}`, 1)
	check(reader[struct{ Embedded struct{ Once once } }](), `{"Embedded":{"Once":1}}`, 1)
}

// reader decodes a struct with a field of type T.
func reader[T any]() func([]byte) error {
	d := decode.New[struct {
		Value  T
		Number int
	}]()
	return func(data []byte) error {
		var out struct {
			Value  T
			Number int
		}
		return d.Decode(data, &out)
	}
}

func TestDecodeConcurrently(t *testing.T) {
	t.Parallel()
	d := decode.New[tree]()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				var got tree
				assert.NoError(t, d.Decode([]byte(`{"name":"a","list":[{"name":"b"},{"NAME":"c"}]}`), &got))
				assert.Equal(t, tree{Name: "a", List: []tree{{Name: "b"}, {Name: "c"}}}, got)
			}
		})
	}
	wg.Wait()
}

func TestDecodeAllocatesStrings(t *testing.T) {
	d := decode.New[order]()
	data, out := []byte(orderJSON), new(order)
	assert.InDelta(t, 2, testing.AllocsPerRun(100, func() {
		*out = order{}
		_ = d.Decode(data, out)
	}), 0)
	n, numbered := decode.New[numbers](), new(numbers)
	data = []byte(`{"Int8":1,"Int64":-1234567890123456789,"Uint64":2,"Float32":1.5,"Float64":3.141592653589793,"unknown":[{}]}`)
	assert.InDelta(t, 0, testing.AllocsPerRun(100, func() {
		*numbered = numbers{}
		_ = n.Decode(data, numbered)
	}), 0)
}
