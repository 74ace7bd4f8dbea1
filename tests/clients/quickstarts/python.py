from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session

issuer, verifier = 'http://127.0.0.1:8484', generate_token(48)
client = OAuth2Session('YOUR_CLIENT_ID', token_endpoint=f'{issuer}/oauth/token', token_endpoint_auth_method='none',
                       redirect_uri='http://127.0.0.1:5000/callback', code_challenge_method='S256')
url, state = client.create_authorization_url(f'{issuer}/authorize', code_verifier=verifier,
                                             audience='https://orders.example/', scope='openid offline_access read:orders')
callback = input(f'Open {url}\nand paste the address where you end: ')
orders = client.fetch_token(authorization_response=callback, state=state, code_verifier=verifier)
billing = client.refresh_token(audience='https://billing.example/', scope='openid offline_access read:invoices')
print('orders:', orders['access_token'], 'billing:', billing['access_token'], sep='\n')
