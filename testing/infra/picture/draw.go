package picture

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
)

// colours are edge and filling.
var colours = map[string][2]string{
	"aws": {"#64748b", "#ffffff"}, "vpc": {"#7c3aed", "#faf8ff"}, "public": {"#15803d", "#f0fdf4"},
	"private": {"#0369a1", "#f0f9ff"}, "data": {"#1d4ed8", "#eff6ff"}, "eks": {"#c2410c", "#fff7ed"},
	"plain": {"#475569", "#f8fafc"}, "api": {"#be185d", "#fdf2f8"}, "net": {"#6d28d9", "#f5f3ff"},
	"svc": {"#c2410c", "#ffffff"}, "db": {"#1d4ed8", "#ffffff"}, "msg": {"#be123c", "#fff1f2"}, "id": {"#b45309", "#fffbeb"},
}

const (
	titleSize  = 16
	lineSize   = 14
	lineHeight = 19
	letter     = 0.56 // mean width of a letter, in heights, of a sans serif
)

// Draw gives the SVG of a picture; every mistake of it at once.
func Draw(text string) (string, error) {
	d, err := read(text)
	if err != nil {
		return "", err
	}
	if err := d.check(); err != nil {
		return "", err
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="Helvetica, Arial, sans-serif" fill="#0f172a">`, d.w, d.h)
	line(`<defs><marker id="end" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="9" markerHeight="9" orient="auto" markerUnits="userSpaceOnUse"><path d="M0 0L8 4L0 8z" fill="#334155"/></marker></defs>`)
	line(`<rect width="%d" height="%d" fill="#ffffff"/>`, d.w, d.h)
	for _, n := range d.notes {
		line(`<text x="%d" y="%d" font-size="24" font-weight="bold">%s</text>`, n.x, n.y, escape(n.text))
	}
	for _, s := range d.shapes {
		s.draw(line)
	}
	for _, a := range d.arrows {
		a.draw(line)
	}
	for _, a := range d.arrows {
		a.drawLabel(line)
	}
	line("</svg>")
	return b.String(), nil
}

func (s shape) draw(line func(string, ...any)) {
	c := colours[s.colour]
	dash := ""
	if s.frame && s.colour == "aws" {
		dash = ` stroke-dasharray="6 4"`
	}
	line(`<rect x="%d" y="%d" width="%d" height="%d" rx="6" fill="%s" stroke="%s" stroke-width="1.5"%s/>`, s.x, s.y, s.w, s.h, c[1], c[0], dash)
	if s.frame {
		line(`<text x="%d" y="%d" font-size="%d" fill="%s">%s</text>`, s.x+10, s.y+20, lineSize, c[0], escape(s.lines[0]))
		return
	}
	y := s.y + s.h/2 - len(s.lines)*lineHeight/2 + 14
	for i, text := range s.lines {
		size, weight := lineSize, ""
		if i == 0 {
			size, weight = titleSize, ` font-weight="bold"`
		}
		line(`<text x="%d" y="%d" font-size="%d"%s text-anchor="middle">%s</text>`, s.x+s.w/2, y+i*lineHeight, size, weight, escape(text))
	}
}

func (a arrow) draw(line func(string, ...any)) {
	points := make([]string, len(a.points))
	for i, p := range a.points {
		points[i] = fmt.Sprintf("%d,%d", p.x, p.y)
	}
	dash := ""
	if a.dashed {
		dash = ` stroke-dasharray="5 4"`
	}
	line(`<polyline points="%s" fill="none" stroke="#334155" stroke-width="1.6"%s marker-end="url(#end)"/>`, strings.Join(points, " "), dash)
}

// drawLabel writes on the middle of the longest part.
func (a arrow) drawLabel(line func(string, ...any)) {
	if a.label == "" {
		return
	}
	var at point
	longest := -1
	for i := 1; i < len(a.points); i++ {
		p, q := a.points[i-1], a.points[i]
		if l := abs(p.x-q.x) + abs(p.y-q.y); l > longest {
			longest, at = l, point{(p.x + q.x) / 2, (p.y + q.y) / 2}
		}
	}
	line(`<text x="%d" y="%d" font-size="13" text-anchor="middle" stroke="#ffffff" stroke-width="4" paint-order="stroke">%s</text>`, at.x, at.y-5, escape(a.label))
}

// check finds what could not be read.
func (d drawing) check() error {
	var errs []error
	for i, s := range d.shapes {
		if s.x < 0 || s.y < 0 || s.x+s.w > d.w || s.y+s.h > d.h {
			errs = append(errs, fmt.Errorf("%s is outside of the picture", s.id))
		}
		for j, text := range s.lines {
			size := lineSize
			if j == 0 && !s.frame {
				size = titleSize
			}
			if float64(len([]rune(text))*size)*letter > float64(s.w-8) {
				errs = append(errs, fmt.Errorf("%q is wider than its box %s", text, s.id))
			}
		}
		if len(s.lines)*lineHeight > s.h {
			errs = append(errs, fmt.Errorf("the text of %s is higher than it", s.id))
		}
		for _, o := range d.shapes[:i] {
			if !s.frame && !o.frame && s.x < o.x+o.w && o.x < s.x+s.w && s.y < o.y+o.h && o.y < s.y+s.h {
				errs = append(errs, fmt.Errorf("%s overlaps %s", s.id, o.id))
			}
		}
	}
	for _, a := range d.arrows {
		for _, s := range d.shapes {
			switch {
			case s.frame && a.through(s.title()):
				errs = append(errs, fmt.Errorf("the arrow %s to %s runs through the title of %s", a.from, a.to, s.id))
			case !s.frame && s.id != a.from && s.id != a.to && a.through(s):
				errs = append(errs, fmt.Errorf("the arrow %s to %s runs through %s", a.from, a.to, s.id))
			}
		}
	}
	return errors.Join(errs...)
}

// title is where that of a frame stands.
func (s shape) title() shape {
	width := float64(len([]rune(s.lines[0]))*lineSize) * letter
	return shape{x: s.x + 10, y: s.y + 20 - lineSize, w: int(width), h: lineSize}
}

func (a arrow) through(s shape) bool {
	for i := 1; i < len(a.points); i++ {
		p, q := a.points[i-1], a.points[i]
		if max(p.x, q.x) > s.x && min(p.x, q.x) < s.x+s.w && max(p.y, q.y) > s.y && min(p.y, q.y) < s.y+s.h {
			return true
		}
	}
	return false
}

func abs(n int) int { return max(n, -n) }

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return b.String()
}
