package ses

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"time"
)

// FeedbackKind says what became of a mail.
type FeedbackKind string

// The kinds of feedback.
const (
	NoFeedback      FeedbackKind = ""                 // nothing that asks for anything: a delivery, a bounce that may pass
	PermanentBounce FeedbackKind = "permanent_bounce" // the addresses do not exist: mail to them must end
	Complaint       FeedbackKind = "complaint"        // the readers call it spam: mail to them must end
)

// Feedback is what SES tells of a mail after it took it.
type Feedback struct {
	Kind      FeedbackKind
	ID        string   // of the feedback, which may come more than once
	MessageID string   // of the mail
	Addresses []string // as the mail systems spell them; none of NoFeedback
	At        time.Time
}

type recipient struct {
	Address string `json:"emailAddress"`
}

// event is a record of SES; what is not read here may be there, and more may come.
type event struct {
	NotificationType string `json:"notificationType"` // of an identity's notifications
	EventType        string `json:"eventType"`        // of a configuration set's events
	Mail             struct {
		MessageID string `json:"messageId"`
	} `json:"mail"`
	Bounce struct {
		Type       string      `json:"bounceType"`
		Recipients []recipient `json:"bouncedRecipients"`
		At         time.Time   `json:"timestamp"`
		ID         string      `json:"feedbackId"`
	} `json:"bounce"`
	Complaint struct {
		Type       string      `json:"complaintFeedbackType"`
		Recipients []recipient `json:"complainedRecipients"`
		At         time.Time   `json:"timestamp"`
		ID         string      `json:"feedbackId"`
	} `json:"complaint"`
}

// ParseFeedback reads a record as SES publishes it to SNS, alone (raw message delivery) or in the
// envelope of SNS. It does not prove where the record comes from: only a queue whose policy lets
// nobody but the topic write may be its source.
//
// A bounce that is transient or undetermined, a complaint of the type "not-spam" (a reader who takes
// one back), and all other types of event are NoFeedback. A complaint names who may have complained:
// all readers of the mail at that provider; a mail of ours has one.
//
// Errors: what is no such record, or a bounce or complaint without a proper address; they name no address.
// Source: SES Developer Guide, "Amazon SNS notification contents", "Contents of event data".
func ParseFeedback(body []byte) (Feedback, error) {
	var envelope struct{ Type, Message string }
	// A record of SES itself has neither field.
	if err := json.Unmarshal(body, &envelope); err == nil && envelope.Type != "" {
		if envelope.Type != "Notification" {
			return Feedback{}, errors.New("feedback: SNS sent something that is no notification")
		}
		body = []byte(envelope.Message)
	}
	var e event
	if err := json.Unmarshal(body, &e); err != nil {
		return Feedback{}, errors.New("feedback: not a record of SES")
	}
	kind := e.EventType
	if kind == "" {
		kind = e.NotificationType
	}
	f := Feedback{MessageID: e.Mail.MessageID}
	var recipients []recipient
	switch {
	case kind == "":
		return Feedback{}, errors.New("feedback: a record of no type")
	case kind == "Bounce" && e.Bounce.Type == "Permanent":
		f.Kind, f.ID, f.At, recipients = PermanentBounce, e.Bounce.ID, e.Bounce.At, e.Bounce.Recipients
	case kind == "Complaint" && e.Complaint.Type != "not-spam":
		f.Kind, f.ID, f.At, recipients = Complaint, e.Complaint.ID, e.Complaint.At, e.Complaint.Recipients
	default:
		return f, nil
	}
	for _, r := range recipients {
		address, err := mail.ParseAddress(r.Address) // a name may stand before it
		if err != nil {
			return Feedback{}, fmt.Errorf("feedback %s of mail %s: a recipient that is no address", f.ID, f.MessageID)
		}
		f.Addresses = append(f.Addresses, address.Address)
	}
	if len(f.Addresses) == 0 {
		return Feedback{}, fmt.Errorf("feedback %s of mail %s: no recipient", f.ID, f.MessageID)
	}
	return f, nil
}
