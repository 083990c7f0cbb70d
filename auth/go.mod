module github.com/micropay/micropay/auth

go 1.26.0

replace (
	github.com/micropay/micropay/coverage => ../coverage
	github.com/micropay/micropay/micropay => ../micropay
	github.com/micropay/micropay/shared => ../shared
	github.com/micropay/micropay/testing => ../testing
	github.com/micropay/micropay/transaction => ../transaction
)

require (
	github.com/stretchr/testify v1.12.1
	go.uber.org/mock v0.6.0
	golang.org/x/net v0.62.0
	golang.org/x/text v0.43.0
	pgregory.net/rapid v1.3.0
)

require go.yaml.in/yaml/v3 v3.0.5 // indirect
