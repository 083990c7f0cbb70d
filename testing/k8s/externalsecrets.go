package k8s

import (
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// ExternalSecret has the fields of external-secrets.io/v1 that are used here; any other is refused
// like a misspelt one. Source: the operator's API reference, external-secrets.io/latest/api/spec.
type ExternalSecret struct {
	meta.TypeMeta   `json:",inline"`
	meta.ObjectMeta `json:"metadata"`
	Spec            struct {
		RefreshInterval meta.Duration `json:"refreshInterval"`
		SecretStoreRef  struct {
			Kind string `json:"kind"`
			Name string `json:"name"`
		} `json:"secretStoreRef"`
		Target struct {
			Name           string `json:"name"`
			CreationPolicy string `json:"creationPolicy"`
		} `json:"target"`
		Data []struct {
			SecretKey string `json:"secretKey"`
			RemoteRef struct {
				Key      string `json:"key"`
				Property string `json:"property"`
			} `json:"remoteRef"`
		} `json:"data"`
	} `json:"spec"`
}

// DeepCopyObject makes it a runtime.Object. Nothing here copies objects.
func (e *ExternalSecret) DeepCopyObject() runtime.Object { return e }

// SecretStore has the fields that are used here, as ExternalSecret.
type SecretStore struct {
	meta.TypeMeta   `json:",inline"`
	meta.ObjectMeta `json:"metadata"`
	Spec            struct {
		Provider struct {
			AWS struct {
				Service string `json:"service"`
				Region  string `json:"region"`
			} `json:"aws"`
		} `json:"provider"`
	} `json:"spec"`
}

// DeepCopyObject makes it a runtime.Object. Nothing here copies objects.
func (s *SecretStore) DeepCopyObject() runtime.Object { return s }
