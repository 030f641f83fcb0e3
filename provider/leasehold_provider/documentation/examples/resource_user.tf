resource "leasehold_user" "ada" {
  name  = "ada"
  ids   = ["CiRmZDA2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs"]
  email = "ada@example.com"
  roles = ["editor"]

  attributes = {
    region = "EU"
    limit  = { decimal = "50.00" }
  }
}
