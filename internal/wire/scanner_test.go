package wire_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lambdabatch/lambdabatch/internal/wire"
)

// documents are JSON, and things that look like it. They seed every fuzz target.
var documents = []string{
	"", " ", "\t\n\r ", "\v", "\f", "\x00", "\u00a0", "\u2028", "\ufeff", "\ufeff{}", "{}\ufeff", "null\x00",

	"null", "true", "false", "nul", "nulL", "Null", "nulll", "tru", "truf", "fals", "falze", "n", "t", "f",
	" null ", "\tnull\n", "null null", "null,", ",null", "undefined", "NaN", "Infinity", "-Infinity",

	"0", "-0", "00", "01", "-01", "1", "12345678901234567890", "-", "--1", "+1", ".5", "0.", "0.5", "-0.5", "1.e1", "1.5.5",
	"1e", "1e+", "1e-", "1e5", "1E5", "1e+5", "1e-05", "0e0", "1e5.5", "1e999", "0x10", "1_000", "1 2", "1a", "- 1",

	`""`, `"`, `"a`, `a"`, `"a" "b"`, `'a'`, `"a'b"`, `"\"`, `"\\"`, `"\\\"`, `"\""`, `"\/\b\f\n\r\t"`, `"\'"`, `"\a"`, `"\x41"`, `"\U0041"`,
	`"\u"`, `"\u0"`, `"\u00"`, `"\u004"`, `"\u0041"`, `"\u00e"`, `"\u00eG"`, `"\uABCD\uabcd"`, `"\u004`, `"\u 041"`, `"\u-041"`,
	`"\ud83d\ude00"`, `"\ud83d"`, `"\ud83d\n"`, `"\ude00"`, `"\ud83d\ud83d\ude00"`, `"\ud83d\u0041"`, `"\ud83dude00"`, `"\u0000"`,
	"\"\x00\"", "\"\x1f\"", "\" \"", "\"\x7f\"", "\"\n\"", "\"\t\"", "\"\\\n\"", "\"é\u2028😀\"", "\"\xff\"", "\"\xc3\"", "\"\xed\xa0\x80\"", "\xff",
	`"1234567"`, `"12345678"`, `"123456789"`, `"1234567\n"`, "\"1234567\x1f\"", "\"12345678\x00123\"", "\"\x80\x9f\xa2\xdc\xff\xa0\xb0\xc0\"",

	"[]", "[ ]", "[", "]", "[]]", "[[]", "[[]]", "[1]", "[1,2]", "[1,]", "[,]", "[,1]", "[1 2]", "[1,,2]", "[1}", "[ 1 , 2 ]", "[\"a\",null,{}]",
	"{}", "{ }", "{", "}", "{]", "{{}}", `{"a"}`, `{"a":}`, `{"a":1}`, `{"a":1,}`, `{,}`, `{,"a":1}`, `{"a" 1}`, `{"a"::1}`, `{"a":1 "b":2}`,
	`{"a":1,"b":2}`, `{"a":1;"b":2}`, `{ "a" : 1 , "b" : [ ] }`, `{a:1}`, `{'a':1}`, `{1:2}`, `{null:1}`, `{"a":1,"a":2}`, `{"a":[}`, `{"":0}`,
	`{"a\":1}`, `{"a":1}}`, `{"a":1},`, `[{"a":[{"b":[{}]}]}]`, "/**/null", "null//",
}

// nested returns depth arrays, or objects, in each other.
func nested(opening, innermost, closing string, depth int) string {
	return strings.Repeat(opening, depth) + innermost + strings.Repeat(closing, depth)
}

func TestValid(t *testing.T) {
	t.Parallel()
	for _, doc := range documents {
		assert.Equal(t, json.Valid([]byte(doc)), wire.Valid([]byte(doc)), "%q", doc)
	}
}

func TestValidDepth(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{9_999, 10_000, 10_001, 1_000_000} {
		for name, doc := range map[string]string{
			"empty arrays": nested("[", "", "]", depth),
			"arrays":       nested("[", "1", "]", depth),
			"objects":      nested(`{"a":`, "1", "}", depth),
			"siblings":     "[" + nested("[", "", "]", depth-1) + "," + nested("[", "", "]", depth-1) + "]",
			"left open":    strings.Repeat("[", depth),
		} {
			assert.Equal(t, json.Valid([]byte(doc)), wire.Valid([]byte(doc)), "%s, %d deep", name, depth)
		}
	}
}

// Eight bytes are looked at together: each byte must count at each place.
func TestValidEveryByteAtEveryPlace(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		for at := range 17 {
			for _, fill := range []string{"a", "\xff", " ", "!"} {
				doc := `"` + strings.Repeat(fill, at) + string([]byte{byte(c)}) + strings.Repeat(fill, 16-at) + `"`
				if json.Valid([]byte(doc)) != wire.Valid([]byte(doc)) {
					assert.Fail(t, "differs from encoding/json", "%q", doc)
				}
			}
		}
	}
}

func FuzzValid(f *testing.F) {
	for _, doc := range documents {
		f.Add([]byte(doc))
	}
	f.Add(document(3))
	f.Fuzz(func(t *testing.T, data []byte) {
		if want := json.Valid(data); wire.Valid(data) != want {
			t.Fatalf("Valid(%q) is not %v", data, want)
		}
	})
}

// document returns a response of n results whose data are some 200 bytes each.
func document(n int) []byte {
	results := make([]string, n)
	for i := range results {
		results[i] = fmt.Sprintf(`{"id":"4kq9w2zt-%d","status":"success","data":%s}`, i, record)
	}
	return []byte(`{"results":[` + strings.Join(results, ",") + `]}`)
}

const record = `{"orderId":"ord-000184467","customer":"Ada Lovelace","currency":"EUR","amount":1249.95,"express":true,` +
	`"lines":[{"sku":"A-1001","qty":2},{"sku":"B-2002","qty":1}],"note":"leave at the front desk, please"}`

func TestScannerInteger(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]uint64{
		"0": 0, "1": 1, "42,": 42, "7]": 7, "1234567890123456789": 1234567890123456789, "9999999999999999999}": 9999999999999999999,
	} {
		for _, sign := range []string{"", "-"} {
			s := wire.Scan([]byte(sign + doc))
			n, negative, ok := s.Integer()
			assert.True(t, ok, doc)
			assert.Equal(t, want, n, doc)
			assert.Equal(t, sign == "-", negative, doc)
		}
	}
	for _, doc := range []string{"", "-", "--1", "+1", "01", "00", "-01", "1.5", "1e2", "1E2", "10000000000000000000", "null", `"1"`, " 1"} {
		s := wire.Scan([]byte(doc))
		_, _, ok := s.Integer()
		assert.False(t, ok, doc)
		assert.False(t, s.Take("x"), doc)
		assert.True(t, s.Take(doc), "it has moved in %q", doc)
	}
}
