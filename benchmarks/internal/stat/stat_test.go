package stat

import "testing"

func TestSpread(t *testing.T) {
	t.Parallel()
	for want, all := range map[Spread][]float64{
		{1, 1, 1}:   {1},
		{2, 1, 3}:   {3, 1, 2},
		{2.5, 1, 4}: {4, 1, 3, 2},
	} {
		if got := SpreadOf(all); got != want {
			t.Errorf("%v: %v", all, got)
		}
		if got := Of(all, func(v float64) float64 { return -v }); got != (Spread{-want.Median, -want.High, -want.Low}) {
			t.Errorf("%v: %v", all, got)
		}
	}
	if got := (Spread{12.34, 11.91, 13}).String(); got != "12.3 (11.9–13.0)" {
		t.Error(got)
	}
	if got := (Spread{2, 2, 2.0001}).String(); got != "2.00" {
		t.Error(got)
	}
}

func TestShort(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]float64{
		"0": 0, "0.0123": 0.01234, "0.123": 0.1234, "1.23": 1.234, "12.3": 12.34, "123": 123.4, "1,234": 1234.2, "1,000": 999.7, "999": 999.4,
		"-1.50": -1.5, "-12,345": -12345, "1,234,567": 1234567, "10.0": 10,
	} {
		if got := Short(v); got != want {
			t.Errorf("%v: %s, not %s", v, got, want)
		}
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	all := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for part, want := range map[float64]int{0: 1, 0.5: 5, 0.9: 9, 0.99: 10, 1: 10} {
		if got := Quantile(all, part); got != want {
			t.Errorf("%v: %d, not %d", part, got, want)
		}
	}
}
