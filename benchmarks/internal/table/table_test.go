package table

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	t.Parallel()
	tab := Table{Head: []string{"", "ns"}}
	tab.Add("one", "1")
	tab.Add("more", "12")
	var text, markdown strings.Builder
	tab.WriteText(&text)
	tab.WriteMarkdown(&markdown)
	if got := text.String(); got != "        ns\n   one   1\n  more  12\n" {
		t.Errorf("%q", got)
	}
	if got := markdown.String(); got != "|  | ns |\n|---|--:|\n| one | 1 |\n| more | 12 |\n" {
		t.Errorf("%q", got)
	}
}
