module github.com/micropay/micropay/testing

go 1.26.0

replace (
	github.com/micropay/micropay/auth => ../auth
	github.com/micropay/micropay/coverage => ../coverage
	github.com/micropay/micropay/micropay => ../micropay
	github.com/micropay/micropay/shared => ../shared
	github.com/micropay/micropay/transaction => ../transaction
)
