package config

import (
	"reflect"
	"slices"
	"strings"
)

// validator is a part of a configuration that can check itself. Its error names the variables
// and never their values.
type validator interface{ Validate() error }

// validate asks ptr's struct and the structs within it, outside first, and collects the lines.
// An embedded struct answers for its outer one too: the same line is kept once.
func validate(ptr any) []string {
	var lines []string
	for _, line := range validateValue(reflect.ValueOf(ptr).Elem()) {
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return lines
}

func validateValue(v reflect.Value) []string {
	var lines []string
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	if check, ok := v.Addr().Interface().(validator); ok {
		if err := check.Validate(); err != nil {
			lines = append(lines, strings.Split(err.Error(), "\n")...)
		}
	}
	if v.Kind() != reflect.Struct {
		return lines
	}
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() {
			lines = append(lines, validateValue(v.Field(i))...)
		}
	}
	return lines
}
