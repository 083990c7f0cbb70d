package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/micropay/micropay/micropay/awslocal"
	"github.com/micropay/micropay/shared/awsconfig"
)

func (c command) awsLocal() *cobra.Command {
	var dir, sender string
	cmd := &cobra.Command{
		Use: "aws-local", Short: "make pool, topic, queues and sender in an emulator of AWS, and end", Args: cobra.NoArgs,
		Long: "For trying out: the emulator is at AWS_ENDPOINT_URL. A file for each of the services' settings is written\n" +
			"to the directory, to be named by X_FILE. Amazon itself is refused.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			made := awslocal.Config{Endpoint: c.get("AWS_ENDPOINT_URL"), Sender: sender, Dir: dir}
			if err := made.Validate(); err != nil {
				return err
			}
			var err error
			if made.AWS, err = awsconfig.Load(cmd.Context(), nil, c.get("AWS_REGION")); err != nil {
				return err
			}
			if err := awslocal.Make(cmd.Context(), made); err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.out, "made; the settings are in", dir)
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "aws-local", "where the settings are written")
	cmd.Flags().StringVar(&sender, "sender", "no-reply@micropay.example", "the address that mail is sent from")
	return cmd
}

// get is a variable of the environment; the last one counts.
func (c command) get(name string) (value string) {
	for _, pair := range c.environ {
		if v, is := strings.CutPrefix(pair, name+"="); is {
			value = v
		}
	}
	return value
}
