// Package plot draws line charts as SVG, from nothing but the numbers: the same data always gives
// the same bytes, so a picture in the repository can be held against its data.
package plot

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

// Point is one value.
type Point struct{ X, Y float64 }

// Series is one line.
type Series struct {
	Name   string
	Points []Point
	Steps  bool // a value holds until the next one
}

// Mark is a moment worth a vertical line.
type Mark struct {
	At   float64
	Text string
}

// Chart is a picture, from zero on both axes.
type Chart struct {
	Title, X, Y string
	Series      []Series
	Marks       []Mark
}

// The frame, in pixels.
const (
	width, height            = 760, 276
	left, right, top, bottom = 56, 16, 56, 44
)

// colours can be told apart by who sees few, and on white and on dark pages.
var colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7"}

// SVG draws it.
func (c Chart) SVG() string {
	var maxX, maxY float64
	for _, s := range c.Series {
		for _, p := range s.Points {
			maxX, maxY = max(maxX, p.X), max(maxY, p.Y)
		}
	}
	xs, ys := Ticks(maxX), Ticks(maxY)
	x := func(v float64) float64 { return left + v/max(maxX, 1)*(width-left-right) }
	y := func(v float64) float64 { return height - bottom - v/ys[len(ys)-1]*(height-top-bottom) }

	var b strings.Builder
	printf := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	printf(`<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	printf(`<text x="%d" y="18" font-size="14" font-weight="bold">%s</text>`+"\n", left, html.EscapeString(c.Title))
	for _, v := range ys {
		printf(`<path d="M%d %.1fH%d" stroke="#dddddd"/><text x="%d" y="%.1f" text-anchor="end" fill="#444444">%s</text>`+"\n",
			left, y(v), width-right, left-6, y(v)+4, number(v))
	}
	for _, v := range xs {
		if v <= maxX {
			printf(`<text x="%.1f" y="%d" text-anchor="middle" fill="#444444">%s</text>`+"\n", x(v), height-bottom+16, number(v))
		}
	}
	printf(`<text x="%d" y="%d" text-anchor="end" fill="#444444">%s</text>`+"\n", width-right, height-8, html.EscapeString(c.X))
	printf(`<text x="14" y="%d" fill="#444444" transform="rotate(-90 14 %d)" text-anchor="middle">%s</text>`+"\n", height/2, height/2, html.EscapeString(c.Y))
	for _, m := range c.Marks {
		printf(`<path d="M%.1f %dV%d" stroke="#888888" stroke-dasharray="4 3"/><text x="%.1f" y="%d" fill="#555555">%s</text>`+"\n",
			x(m.At), top-14, height-bottom, x(m.At)+4, top-5, html.EscapeString(m.Text))
	}
	for i, s := range c.Series {
		colour := colours[i%len(colours)]
		printf(`<rect x="%d" y="26" width="10" height="4" fill="%s"/><text x="%d" y="32" fill="#222222">%s</text>`+"\n", left+i*130, colour, left+i*130+14, html.EscapeString(s.Name))
		if len(s.Points) == 0 {
			continue
		}
		printf(`<polyline fill="none" stroke="%s" stroke-width="1.8" points="%s"/>`+"\n", colour, s.line(x, y))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func (s Series) line(x, y func(float64) float64) string {
	var at []string
	for i, p := range s.Points {
		if i > 0 && s.Steps {
			at = append(at, fmt.Sprintf("%.1f,%.1f", x(p.X), y(s.Points[i-1].Y)))
		}
		at = append(at, fmt.Sprintf("%.1f,%.1f", x(p.X), y(p.Y)))
	}
	return strings.Join(at, " ")
}

// Ticks are round numbers from 0 on, at most seven, the last not below most.
func Ticks(most float64) []float64 {
	step := 1.0
	for _, factor := range []float64{2, 2.5, 2, 2, 2.5, 2, 2, 2.5, 2, 2, 2.5, 2, 2, 2.5, 2} { // 1, 2, 5, 10, 20, ...
		if math.Ceil(most/step) <= 5 {
			break
		}
		step *= factor
	}
	ticks := []float64{0}
	for v := step; ; v += step {
		ticks = append(ticks, v)
		if v >= most {
			return ticks
		}
	}
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
