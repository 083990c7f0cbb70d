// Package picture draws a picture of boxes and arrows as SVG, from lines of text. It refuses what
// could not be read: text wider than its box, boxes over each other, arrows through boxes.
package picture

import (
	"fmt"
	"strconv"
	"strings"
)

// shape is a frame or a box.
type shape struct {
	id         string
	x, y, w, h int
	colour     string
	lines      []string
	frame      bool
}

type point struct{ x, y int }

// arrow goes along points.
type arrow struct {
	from, to string
	points   []point
	label    string
	dashed   bool
}

type note struct {
	point
	text string
}

type drawing struct {
	w, h   int
	shapes []shape
	arrows []arrow
	notes  []note
}

func read(text string) (drawing, error) {
	var d drawing
	for i, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := d.line(line); err != nil {
			return d, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	if d.w == 0 {
		return d, fmt.Errorf("no size")
	}
	return d, nil
}

func (d *drawing) line(line string) error {
	words := strings.Fields(line)
	switch words[0] {
	case "size":
		n, err := numbers(words[1:], 2)
		if err != nil {
			return err
		}
		d.w, d.h = n[0], n[1]
	case "note":
		n, err := numbers(words[1:], 2)
		if err != nil {
			return err
		}
		d.notes = append(d.notes, note{point{n[0], n[1]}, strings.Join(words[3:], " ")})
	case "frame", "box":
		return d.shape(words)
	case "arrow", "dashed":
		return d.arrow(words)
	default:
		return fmt.Errorf("unknown word %s", words[0])
	}
	return nil
}

func numbers(words []string, count int) ([]int, error) {
	if len(words) < count {
		return nil, fmt.Errorf("too few words")
	}
	n := make([]int, count)
	for i := range n {
		var err error
		if n[i], err = strconv.Atoi(words[i]); err != nil {
			return nil, fmt.Errorf("not a number: %s", words[i])
		}
	}
	return n, nil
}

func (d *drawing) shape(words []string) error {
	if len(words) < 8 {
		return fmt.Errorf("too few words")
	}
	n, err := numbers(words[2:], 4)
	if err != nil {
		return err
	}
	s := shape{id: words[1], x: n[0], y: n[1], w: n[2], h: n[3], colour: words[6], frame: words[0] == "frame"}
	if _, known := colours[s.colour]; !known {
		return fmt.Errorf("unknown colour %s", s.colour)
	}
	if _, there := d.find(s.id); there {
		return fmt.Errorf("%s is there twice", s.id)
	}
	for _, line := range strings.Split(strings.Join(words[7:], " "), "|") {
		s.lines = append(s.lines, strings.TrimSpace(line))
	}
	d.shapes = append(d.shapes, s)
	return nil
}

func (d *drawing) find(id string) (shape, bool) {
	for _, s := range d.shapes {
		if s.id == id {
			return s, true
		}
	}
	return shape{}, false
}

func (d *drawing) arrow(words []string) error {
	text, label, _ := strings.Cut(strings.Join(words[1:], " "), "|")
	ends := strings.Fields(text)
	if len(ends) < 2 {
		return fmt.Errorf("too few words")
	}
	from, fromID, upright, err := d.anchor(ends[0])
	if err != nil {
		return err
	}
	to, toID, toUpright, err := d.anchor(ends[1])
	if err != nil {
		return err
	}
	bend := (from.x + to.x) / 2
	if upright {
		bend = (from.y + to.y) / 2
	}
	if len(ends) > 2 {
		if bend, err = strconv.Atoi(strings.TrimPrefix(ends[2], "@")); err != nil {
			return fmt.Errorf("not a number: %s", ends[2])
		}
	}
	a := arrow{from: fromID, to: toID, label: strings.TrimSpace(label), dashed: words[0] == "dashed"}
	switch {
	case upright && toUpright:
		a.points = []point{from, {from.x, bend}, {to.x, bend}, to}
	case upright:
		a.points = []point{from, {from.x, to.y}, to}
	case toUpright:
		a.points = []point{from, {to.x, from.y}, to}
	default:
		a.points = []point{from, {bend, from.y}, {bend, to.y}, to}
	}
	d.arrows = append(d.arrows, a)
	return nil
}

// anchor is a place on the edge of a shape: api.left+10. upright: lines leave it up or down.
func (d *drawing) anchor(text string) (at point, id string, upright bool, err error) {
	id, side, _ := strings.Cut(text, ".")
	s, ok := d.find(id)
	if !ok {
		return at, id, false, fmt.Errorf("nothing named %s", id)
	}
	shift := 0
	if i := strings.IndexAny(side, "+-"); i > 0 {
		if shift, err = strconv.Atoi(side[i:]); err != nil {
			return at, id, false, fmt.Errorf("not a number: %s", side[i:])
		}
		side = side[:i]
	}
	switch side {
	case "left":
		return point{s.x, s.y + s.h/2 + shift}, id, false, nil
	case "right":
		return point{s.x + s.w, s.y + s.h/2 + shift}, id, false, nil
	case "top":
		return point{s.x + s.w/2 + shift, s.y}, id, true, nil
	case "bottom":
		return point{s.x + s.w/2 + shift, s.y + s.h}, id, true, nil
	}
	return at, id, false, fmt.Errorf("no side %s", side)
}
