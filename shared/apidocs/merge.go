// Package apidocs shows a system's API: one OpenAPI document, made of those that the services
// wrote by hand, and a page to read and try it. All it needs is in the binary.
package apidocs

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Info names the whole API.
type Info struct {
	Title       string `json:"title"`
	Version     string `json:"version"`
	Description string `json:"description,omitempty"`
}

type object = map[string]any

var methods = []string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}

// Merge joins OpenAPI 3.1 documents (YAML or JSON) into one, as JSON. No two may describe the same
// path. Where two describe a component of one name in different words, the later one's gets the
// last word of its document's title before its name.
func Merge(info Info, documents ...[]byte) ([]byte, error) {
	if len(documents) == 0 {
		return nil, errors.New("apidocs: no document")
	}
	m := merger{paths: object{}, components: object{}}
	for i, raw := range documents {
		if err := m.add(raw); err != nil {
			return nil, fmt.Errorf("apidocs: document %d: %w", i+1, err)
		}
	}
	out := object{"openapi": m.version, "info": info, "paths": m.paths, "components": m.components}
	if len(m.tags) > 0 {
		out["tags"] = m.tags
	}
	return json.Marshal(out)
}

type merger struct {
	version    string
	paths      object
	components object
	tags       []any
}

func (m *merger) add(raw []byte) error {
	var doc object
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return err
	}
	version, _ := doc["openapi"].(string)
	if m.version == "" {
		m.version = version
	}
	if version != m.version {
		return fmt.Errorf("is of version %q, the first one of %q", version, m.version)
	}
	if err := m.addComponents(doc); err != nil { // first: its references may change
		return err
	}
	if err := m.addPaths(doc); err != nil {
		return err
	}
	tags, _ := doc["tags"].([]any)
	for _, tag := range tags {
		if !slices.ContainsFunc(m.tags, func(known any) bool { return reflect.DeepEqual(known, tag) }) {
			m.tags = append(m.tags, tag)
		}
	}
	return nil
}

func (m *merger) addPaths(doc object) error {
	paths, ok := doc["paths"].(object)
	if !ok {
		return errors.New("paths: not an object")
	}
	for path, value := range paths {
		item, ok := value.(object)
		if !ok {
			return fmt.Errorf("paths: %s: not an object", path)
		}
		if _, twice := m.paths[path]; twice {
			return fmt.Errorf("paths: %s is described twice", path)
		}
		secure(item, doc["security"])
		m.paths[path] = item
	}
	return nil
}

// secure writes a document's general demand into each operation that has none of its own: in the
// whole it would be demanded of the other services too.
func secure(item object, demand any) {
	for _, method := range methods {
		operation, ok := item[method].(object)
		if _, own := operation["security"]; ok && !own && demand != nil {
			operation["security"] = demand
		}
	}
}

func (m *merger) addComponents(doc object) error {
	if doc["components"] == nil {
		return nil
	}
	components, ok := doc["components"].(object)
	if !ok {
		return errors.New("components: not an object")
	}
	for kind, value := range components {
		if _, ok := value.(object); !ok {
			return fmt.Errorf("components.%s: not an object", kind)
		}
		if m.components[kind] == nil {
			m.components[kind] = object{}
		}
	}
	if err := m.separate(doc, components); err != nil {
		return err
	}
	for kind, value := range components {
		maps.Copy(m.components[kind].(object), value.(object)) //nolint:forcetypeassert // both seen above
	}
	return nil
}
