//! The client: one connection, one request at a time, nothing that costs.

use std::{future::poll_fn, net::SocketAddr, pin::pin};

use hyper::{
    HeaderMap, Method,
    body::{Body, Bytes, Incoming},
    client::conn::http1::{self, SendRequest},
    header::{self, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::Result;

/// A connection to a server, made when it is first needed and again when it was closed.
pub struct Connection {
    address: SocketAddr,
    sender: Option<SendRequest<String>>,
}

/// A request that can be sent as often as one likes.
#[derive(Debug, Clone)]
pub struct Request {
    method: Method,
    target: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: String,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Request {
    pub fn get(target: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            target: target.into(),
            headers: Vec::new(),
            body: String::new(),
        }
    }

    /// `POST` of a form.
    pub fn form(target: impl Into<String>, fields: &[(&str, &str)]) -> Self {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        Self {
            method: Method::POST,
            target: target.into(),
            headers: vec![(header::CONTENT_TYPE, kind)],
            body: form.finish(),
        }
    }

    /// A JSON body.
    pub fn json(method: Method, target: impl Into<String>, body: &Value) -> Self {
        let kind = HeaderValue::from_static("application/json");
        Self {
            method,
            target: target.into(),
            headers: vec![(header::CONTENT_TYPE, kind)],
            body: body.to_string(),
        }
    }

    pub fn with(mut self, name: HeaderName, value: &str) -> Result<Self> {
        self.headers.push((name, HeaderValue::from_str(value)?));
        Ok(self)
    }

    pub fn bearer(self, token: &str) -> Result<Self> {
        self.with(header::AUTHORIZATION, &format!("Bearer {token}"))
    }
}

impl Answer {
    /// The answer if its status is this one.
    pub fn expect(self, status: u16) -> Result<Self> {
        if self.status == status {
            return Ok(self);
        }
        let body = String::from_utf8_lossy(&self.body);
        Err(format!("answered {} instead of {status}: {body}", self.status).into())
    }

    pub fn json(&self) -> Result<Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// Where it redirects to.
    pub fn location(&self) -> Result<&str> {
        let location = self.headers.get(header::LOCATION).ok_or_else(|| {
            format!("{} without a location: {}", self.status, String::from_utf8_lossy(&self.body))
        })?;
        Ok(location.to_str()?)
    }
}

impl Connection {
    pub fn to(address: SocketAddr) -> Self {
        Self { address, sender: None }
    }

    pub async fn send(&mut self, request: Request) -> Result<Answer> {
        let mut sender = match self.sender.take() {
            Some(mut sender) => match sender.ready().await {
                Ok(()) => sender,
                Err(_) => self.connect().await?,
            },
            None => self.connect().await?,
        };
        let mut made = hyper::Request::new(request.body);
        *made.method_mut() = request.method;
        *made.uri_mut() = request.target.parse()?;
        let headers = made.headers_mut();
        headers.insert(header::HOST, HeaderValue::from_str(&self.address.to_string())?);
        headers.insert(header::USER_AGENT, HeaderValue::from_static("doorward-bench/1"));
        headers.extend(request.headers);
        let response = sender.send_request(made).await?;
        let (head, body) = response.into_parts();
        let answer = Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: whole(body).await?,
        };
        self.sender = Some(sender);
        Ok(answer)
    }

    async fn connect(&self) -> Result<SendRequest<String>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            // Its end shows at the next request.
            let _ = connection.await;
        });
        sender.ready().await?;
        Ok(sender)
    }
}

async fn whole(body: Incoming) -> Result<Vec<u8>> {
    let mut body = pin!(body);
    let mut read = Vec::with_capacity(4096);
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let data: Option<Bytes> = frame?.into_data().ok();
        read.extend_from_slice(&data.unwrap_or_default());
    }
    Ok(read)
}
