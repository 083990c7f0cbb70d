package awsfault

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/google/uuid"
)

// Error is how AWS refuses. Each answer has a request id of its own.
type Error struct {
	Status  int
	Code    string
	Message string
}

// The refusals of all services (docs.aws.amazon.com, "Common Errors").
var (
	// InternalError is AWS's own trouble.
	InternalError = Error{http.StatusInternalServerError, "InternalFailure", "The request processing has failed because of an unknown error."}
	// Throttled asks to come again later.
	Throttled = Error{http.StatusBadRequest, "ThrottlingException", "Rate exceeded"}
	// Expired is what credentials that are too old are answered.
	Expired = Error{http.StatusForbidden, "ExpiredTokenException", "The security token included in the request is expired"}
)

// write answers in the form of the protocol: XML of the query protocol, else JSON.
func (e Error) write(w http.ResponseWriter, isXML bool) {
	id := uuid.NewString()
	w.Header().Set("X-Amzn-Requestid", id)
	if isXML {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(e.Status)
		_, _ = fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>%s</RequestId></ErrorResponse>`,
			e.Code, e.Message, id)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("X-Amzn-Errortype", e.Code)
	w.WriteHeader(e.Status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": "com.amazon.coral.service#" + e.Code, "message": e.Message})
}
