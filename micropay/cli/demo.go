package cli

import (
	"github.com/spf13/cobra"

	"github.com/micropay/micropay/micropay/demo"
)

func (c command) demo() *cobra.Command {
	var url string
	cmd := &cobra.Command{
		Use: "demo", Short: "tell a story against a running platform: two people and their money", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return demo.Run(cmd.Context(), url, c.out) },
	}
	cmd.Flags().StringVar(&url, "url", "http://localhost:8000", "where the platform is")
	return cmd
}
