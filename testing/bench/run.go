package bench

import (
	"context"
	"fmt"
)

// Plan is how much is measured.
type Plan struct {
	Rounds  int
	Seconds int                            // of each round of each side
	Report  func(Pattern, string, Figures) // called after each
}

// Compare prepares both sides and runs them in turn.
func Compare(ctx context.Context, s SQL, r *REST, p Plan) ([]Result, error) {
	if err := s.Prepare(ctx); err != nil {
		return nil, err
	}
	if err := r.Prepare(ctx); err != nil {
		return nil, err
	}
	results := make([]Result, 2)
	for i, pattern := range []Pattern{Spread, Hot} {
		results[i] = Result{Pattern: pattern, Sides: []Side{{Name: string(OneStatement)}, {Name: string(Statements)}, {Name: "REST"}}}
	}
	for range p.Rounds {
		for _, result := range results {
			for i := range result.Sides {
				side := &result.Sides[i]
				f, err := round(ctx, s, r, side.Name, result.Pattern, p.Seconds)
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", side.Name, result.Pattern, err)
				}
				p.Report(result.Pattern, side.Name, f)
				side.Rounds = append(side.Rounds, f)
			}
		}
	}
	return results, nil
}

func round(ctx context.Context, s SQL, r *REST, side string, pattern Pattern, seconds int) (Figures, error) {
	if side == "REST" {
		return r.Run(ctx, pattern, seconds)
	}
	return s.Run(ctx, Style(side), pattern, seconds)
}
