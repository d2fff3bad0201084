//! What a request names: its device and its inputs. Unaware of what is asked for.

use pipe_schema::protocol::{InputPath, Request};
use tch::{Cuda, Device};

use crate::error::{Error, Result};

/// The device that the request names.
pub fn device_of(request: &Request) -> Result<Device> {
    match request.device.as_str() {
        "cpu" => Ok(Device::Cpu),
        "cuda" if Cuda::is_available() => Ok(Device::Cuda(0)),
        "cuda" => Err(Error::wrong("there is no GPU that libtorch can use here")
            .hint("take `device: auto` or `device: cpu`; `pipe doctor` shows what is found")),
        other => Err(Error::bug(format!("a request for device `{other}`"))),
    }
}

/// The input of this role.
pub fn input<'a>(request: &'a Request, role: &str) -> Result<&'a InputPath> {
    let input = request.inputs.get(role);
    input.ok_or_else(|| Error::bug(format!("a request without its input `{role}`")))
}
