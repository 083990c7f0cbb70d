package moto_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/moto"
)

func TestMoto_SpeaksToTheSDK(t *testing.T) {
	t.Parallel()
	client := sqs.NewFromConfig(moto.New(t).AWSConfig())
	name := "probe"
	_, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name})
	require.NoError(t, err)
}
