package svg

import (
	"encoding/xml"
	"testing"
)

func TestDrawing(t *testing.T) {
	d := New("A < B & C", ".own { fill: red }", 10, 20)
	d.Add(`<text class="own">%s</text>`, Escape("1 < 2"))
	var page struct {
		Title string `xml:"title"`
		Text  string `xml:"text"`
		Width string `xml:"width,attr"`
	}
	if err := xml.Unmarshal([]byte(d.String()), &page); err != nil {
		t.Fatalf("%v in %s", err, d)
	}
	if page.Title != "A < B & C" || page.Text != "1 < 2" || page.Width != "10" {
		t.Errorf("%+v", page)
	}
}

func TestTicks(t *testing.T) {
	for _, top := range []float64{0.3, 1, 7, 100, 150, 180, 930, 12345} {
		all := Ticks(top, 5)
		if len(all) < 3 || len(all) > 7 || all[0] != 0 || all[len(all)-1] > top*1.001 {
			t.Errorf("%v: %v", top, all)
		}
	}
	if got := Ticks(0, 5); got != nil {
		t.Errorf("0: %v", got)
	}
}
