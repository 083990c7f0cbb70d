// Package events is how services tell each other what happened.
//
// An event is a CloudEvent 1.0 in JSON (cloudevents.io). A service writes it to its outbox in the
// database transaction of what it tells of; package outbox publishes it, at least once and in the
// order of its key; queues bring it to who acts on it, in any order and perhaps twice; a Consumer
// takes it from there. The transports are in awsevents (SNS and SQS) and pgqueue (one process).
//
// docs/events has a schema for each type.
package events

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// The types of events. A change that a reader of the old form would not understand is a new version.
const (
	UserRegistered = "micropay.user.registered.v1"
	UserVerified   = "micropay.user.verified.v1"
	UserSignedOut  = "micropay.user.signed_out.v1"
	UserDeleted    = "micropay.user.deleted.v1"
	TransferPosted = "micropay.transfer.posted.v1"
	PaymentSettled = "micropay.payment.settled.v1"
)

// Targets names the service that acts on each type: what subscriptions filter by.
var Targets = map[string]string{
	UserRegistered: "transaction", UserSignedOut: "transaction", UserDeleted: "transaction",
	UserVerified: "auth", TransferPosted: "auth", PaymentSettled: "auth",
}

// MaxBytes is the longest event, of all its attributes: SNS takes 256 KiB, its own included.
const MaxBytes = 200 << 10

// ErrMalformed means that a message is none of the events that are understood here, and never
// will be.
var ErrMalformed = errors.New("malformed event")

// Event is something that happened. It tells the state of its subject as that was committed.
type Event struct {
	ID       string // UUID, the same every time it is published
	Type     string // one of the types above
	Source   string // of the service, e.g. /micropay/auth
	Subject  string // the id of what it is about
	Sequence int64  // place among the events of the subject, ascending from 1
	Key      string // events of one key are published in their order
	Time     time.Time
	Data     json.RawMessage // an object
}

// envelope is the JSON format of CloudEvents, with the registered extensions sequence and
// partitionkey; target is ours.
type envelope struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Type            string          `json:"type"`
	Source          string          `json:"source"`
	Subject         string          `json:"subject,omitempty"`
	Time            time.Time       `json:"time"`
	DataContentType string          `json:"datacontenttype"`
	Sequence        string          `json:"sequence"`
	PartitionKey    string          `json:"partitionkey,omitempty"`
	Target          string          `json:"target,omitempty"`
	Data            json.RawMessage `json:"data"`
}

const (
	specVersion = "1.0"
	contentType = "application/json"
)

// MarshalJSON writes the envelope.
func (e Event) MarshalJSON() ([]byte, error) {
	return json.Marshal(envelope{
		SpecVersion: specVersion, ID: e.ID, Type: e.Type, Source: e.Source, Subject: e.Subject, Time: e.Time.UTC(),
		DataContentType: contentType, Sequence: strconv.FormatInt(e.Sequence, 10), PartitionKey: e.Key,
		Target: Targets[e.Type], Data: e.Data,
	})
}

// Parse reads an event. Errors: ErrMalformed, with a reason that quotes nothing.
func Parse(body []byte) (Event, error) {
	var w envelope
	malformed := func(reason string) (Event, error) { return Event{}, fmt.Errorf("%w: %s", ErrMalformed, reason) }
	switch {
	case len(body) > MaxBytes:
		return malformed(fmt.Sprintf("longer than %d bytes", MaxBytes))
	case !utf8.Valid(body):
		return malformed("not UTF-8")
	case json.Unmarshal(body, &w) != nil:
		return malformed("not a CloudEvent in JSON")
	case w.SpecVersion != specVersion:
		return malformed("specversion is not 1.0")
	case uuid.Validate(w.ID) != nil:
		return malformed("id is not a UUID")
	case w.Type == "" || w.Source == "":
		return malformed("type and source are required")
	case w.Time.IsZero():
		return malformed("time is required")
	case !bytes.HasPrefix(w.Data, []byte("{")):
		return malformed("data is not an object")
	}
	sequence, err := strconv.ParseInt(w.Sequence, 10, 64)
	if err != nil || sequence < 1 {
		return malformed("sequence is not a number from 1 on")
	}
	return Event{
		ID: w.ID, Type: w.Type, Source: w.Source, Subject: w.Subject, Sequence: sequence, Key: w.PartitionKey, Time: w.Time, Data: w.Data,
	}, nil
}

// Decode reads the data. Errors: ErrMalformed.
func (e Event) Decode(dst any) error {
	if err := json.Unmarshal(e.Data, dst); err != nil {
		return fmt.Errorf("%w: data of %s", ErrMalformed, e.Type)
	}
	return nil
}

// Publisher sends events to whoever listens.
type Publisher interface {
	// Publish returns the ids of the events that are durable on the other side; the rest, if any,
	// are published again later, as the error says why.
	Publish(ctx context.Context, events []Event) (published []string, err error)
}
