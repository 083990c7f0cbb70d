package apidocs

import (
	"fmt"
	"reflect"
	"strings"
)

// separate gives new names to doc's components that others describe in other words under the
// same name. A component that refers to a renamed one is another one from then on, so this goes
// on until nothing clashes.
func (m *merger) separate(doc, components object) error {
	prefix := prefixOf(doc)
	for {
		kind, name, clash := m.clash(components)
		if !clash {
			return nil
		}
		named, _ := components[kind].(object)
		fresh := prefix + strings.ToUpper(name[:1]) + name[1:]
		if _, taken := named[fresh]; taken || prefix == "" || strings.HasPrefix(name, prefix) {
			return fmt.Errorf("components.%s: %s is described in two ways", kind, name)
		}
		named[fresh] = named[name]
		delete(named, name)
		pointer := "#/components/" + kind + "/"
		rewrite(doc, pointer+name, pointer+fresh)
		if kind == "securitySchemes" {
			renameDemands(doc, name, fresh)
		}
	}
}

// clash finds a component whose name is taken by another one.
func (m *merger) clash(components object) (kind, name string, found bool) {
	for kind, value := range components {
		all, _ := m.components[kind].(object)
		named, _ := value.(object)
		for name, component := range named {
			if known, twice := all[name]; twice && !reflect.DeepEqual(known, component) {
				return kind, name, true
			}
		}
	}
	return "", "", false
}

// prefixOf is the last word of a document's title: "Transaction" of "MicroPay transaction".
func prefixOf(doc object) string {
	info, _ := doc["info"].(object)
	title, _ := info["title"].(string)
	words := strings.Fields(title)
	if len(words) == 0 {
		return ""
	}
	last := words[len(words)-1]
	return strings.ToUpper(last[:1]) + last[1:]
}

// rewrite changes the references to one component, wherever they are.
func rewrite(value any, from, to string) {
	switch v := value.(type) {
	case object:
		for key, inner := range v {
			if key == "$ref" && inner == from {
				v[key] = to
				continue
			}
			rewrite(inner, from, to)
		}
	case []any:
		for _, inner := range v {
			rewrite(inner, from, to)
		}
	}
}

// renameDemands follows a security scheme's new name where it is demanded: there it is a name,
// not a reference.
func renameDemands(value any, from, to string) {
	switch v := value.(type) {
	case object:
		for key, inner := range v {
			demands, ok := inner.([]any)
			if key != "security" || !ok {
				renameDemands(inner, from, to)
				continue
			}
			for _, demand := range demands {
				d, _ := demand.(object)
				if scopes, ok := d[from]; ok {
					d[to] = scopes
					delete(d, from)
				}
			}
		}
	case []any:
		for _, inner := range v {
			renameDemands(inner, from, to)
		}
	}
}
