package k8s

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	kyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// decoder refuses a field that a type does not have, and one that comes twice.
var decoder = func() runtime.Decoder {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		core.AddToScheme, apps.AddToScheme, batch.AddToScheme, networking.AddToScheme, policy.AddToScheme, autoscaling.AddToScheme, monitoring.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			panic(err) // two types of one name: a mistake in the line above
		}
	}
	scheme.AddKnownTypes(schema.GroupVersion{Group: "external-secrets.io", Version: "v1"}, &ExternalSecret{}, &SecretStore{})
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
}()

// Decode reads YAML documents as the API server would, strictly. Errors: all that it does not
// know, by object.
func Decode(text []byte) ([]runtime.Object, error) {
	var objects []runtime.Object
	var errs []error
	documents := kyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, errors.Join(errs...)
		}
		if err != nil {
			return nil, err
		}
		if blank(document) {
			continue
		}
		object, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", nameIn(document), err))
			continue
		}
		objects = append(objects, object)
	}
}

// blank tells whether a document holds comments only.
func blank(document []byte) bool {
	for line := range bytes.Lines(document) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' && !bytes.Equal(line, []byte("---")) {
			return false
		}
	}
	return true
}

func nameIn(document []byte) string {
	var head struct {
		Kind     string
		Metadata struct{ Name string }
	}
	if err := kyaml.Unmarshal(document, &head); err != nil {
		return "?"
	}
	return head.Kind + "/" + head.Metadata.Name
}
