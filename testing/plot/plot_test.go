package plot_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/plot"
)

func TestSVG_HoldsEverySeriesInsideItsFrame(t *testing.T) {
	t.Parallel()
	c := plot.Chart{
		Title: "pods & <load>", X: "seconds", Y: "pods",
		Series: []plot.Series{
			{Name: "auth", Points: []plot.Point{{0, 2}, {10, 4}, {20, 2}}, Steps: true},
			{Name: "transaction", Points: []plot.Point{{0, 2}, {20, 3}}},
			{Name: "none"},
		},
		Marks: []plot.Mark{{At: 10, Text: "killed"}},
	}
	svg := c.SVG()
	require.Equal(t, svg, c.SVG(), "the same data gives the same picture")
	decoder := xml.NewDecoder(strings.NewReader(svg))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err, "it is well-formed")
	}
	for _, text := range []string{"pods &amp; &lt;load&gt;", ">auth<", ">transaction<", ">killed<", ">seconds<", "viewBox"} {
		require.Contains(t, svg, text)
	}
	require.Equal(t, 2, strings.Count(svg, "<polyline"), "a series without points draws nothing")
	require.NotContains(t, svg, "NaN")
}

func TestTicks_AreRoundAndCoverTheData(t *testing.T) {
	t.Parallel()
	for most, want := range map[float64][]float64{
		0:    {0, 1},
		3:    {0, 1, 2, 3},
		4:    {0, 1, 2, 3, 4},
		95:   {0, 20, 40, 60, 80, 100},
		1234: {0, 500, 1000, 1500},
	} {
		require.Equal(t, want, plot.Ticks(most), most)
	}
}
