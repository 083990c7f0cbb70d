package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// MaxFileBytes bounds what is read from a file named by an X_FILE variable.
const MaxFileBytes = 64 << 10

// Load reads a T, which is a struct with env tags, from environ, which has the form of os.Environ.
// T and the structs within it are asked to Validate when they have that method. The error joins
// every mistake, one a line, each beginning with the variable's name.
func Load[T any](environ []string) (T, error) {
	var out T
	keys, err := keysOf(&out)
	if err != nil {
		return out, err
	}
	values := toMap(environ)
	mistakes := readTwins(values, keys)
	missing := required(&out, values, mistakes)
	for _, key := range keys {
		if kind, bad := misread[T](key, values); bad {
			mistakes[key] = fmt.Sprintf("%s: is not a valid %s", key, kind)
			delete(values, key) // the default stands in, so that the checks below see a sane value
		}
	}
	var parsed T
	_ = env.ParseWithOptions(&parsed, env.Options{Environment: values}) // its mistakes are known by now
	lines := append(inOrder(keys, mistakes), missing...)
	lines = append(lines, validate(&parsed)...)
	if len(lines) > 0 {
		return out, errors.New("configuration:\n  " + strings.Join(lines, "\n  "))
	}
	return parsed, nil
}

// keysOf lists the variables that v reads, in the order of its fields.
func keysOf(v any) ([]string, error) {
	params, err := env.GetFieldParamsWithOptions(v, env.Options{Environment: map[string]string{}})
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	var keys []string
	for _, p := range params {
		if p.OwnKey != "" && !p.Ignored && !slices.Contains(keys, p.Key) {
			keys = append(keys, p.Key)
		}
	}
	return keys, nil
}

// toMap leaves out the empty variables: they count as not set.
func toMap(environ []string) map[string]string {
	values := make(map[string]string, len(environ))
	for _, pair := range environ {
		if name, value, ok := strings.Cut(pair, "="); ok && value != "" {
			values[name] = value
		}
	}
	return values
}

// readTwins replaces each X_FILE by X with the file's content. The mistakes are by X.
func readTwins(values map[string]string, keys []string) map[string]string {
	mistakes := map[string]string{}
	for _, key := range keys {
		twin := key + "_FILE"
		path, given := values[twin]
		if !given || slices.Contains(keys, twin) {
			continue
		}
		if _, both := values[key]; both {
			mistakes[key] = fmt.Sprintf("%s and %s: give only one", key, twin)
			continue
		}
		content, err := readFile(path)
		if err != nil {
			mistakes[key] = fmt.Sprintf("%s: %v", twin, err)
			continue
		}
		values[key] = content
	}
	return mistakes
}

// readFile is the content of a small file without the line end that editors put there.
func readFile(path string) (string, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, MaxFileBytes+1))
	switch {
	case err != nil:
		return "", err
	case len(content) > MaxFileBytes:
		return "", fmt.Errorf("the file is larger than %d bytes", MaxFileBytes)
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	if value == "" {
		return "", errors.New("the file is empty")
	}
	return value, nil
}

// required names the variables that must be set and are not. One whose file could not be read
// has its mistake already.
func required(v any, values, mistakes map[string]string) []string {
	params, _ := env.GetFieldParamsWithOptions(v, env.Options{Environment: map[string]string{}})
	var lines []string
	for _, p := range params {
		_, set := values[p.Key]
		_, known := mistakes[p.Key]
		if (p.Required || p.NotEmpty) && !set && !known && !p.HasDefaultValue {
			lines = append(lines, p.Key+": is required")
		}
	}
	return lines
}

// misread tells whether the value of key cannot be what its field asks for, and names that type.
// The library's own message is not used: it repeats the value, which may be a secret, and names
// the field, not the variable. So each variable is tried alone.
func misread[T any](key string, values map[string]string) (string, bool) {
	value, set := values[key]
	if !set {
		return "", false
	}
	var probe T
	err := env.ParseWithOptions(&probe, env.Options{Environment: map[string]string{key: value}})
	var all env.AggregateError
	if !errors.As(err, &all) {
		return "", false
	}
	for _, e := range all.Errors {
		if parse := (env.ParseError{}); errors.As(e, &parse) {
			return parse.Type.String(), true
		}
	}
	return "", false
}

func inOrder(keys []string, mistakes map[string]string) []string {
	var lines []string
	for _, key := range keys {
		if line, ok := mistakes[key]; ok {
			lines = append(lines, line)
		}
	}
	return lines
}
