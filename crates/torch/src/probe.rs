//! What of this machine the bits of a tensor result depend on.

use pipe_schema::key::EnvironmentClass;
use tch::Cuda;

use crate::{error::Result, shim};

/// The environment class by device, with one thread.
pub fn environments() -> Result<Vec<EnvironmentClass>> {
    let cpu = EnvironmentClass {
        libtorch: shim::libtorch_version(),
        device: "cpu".to_owned(),
        compute_capability: None,
        cpu_capability: shim::cpu_capability()?,
        threads: 1,
        precision: "f32".to_owned(),
    };
    let mut classes = vec![cpu.clone()];
    if Cuda::is_available() {
        let (major, minor) = shim::cuda_capability()?;
        classes.push(EnvironmentClass {
            device: "cuda".to_owned(),
            compute_capability: Some(format!("{major}.{minor}")),
            ..cpu
        });
    }
    Ok(classes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_always_there() {
        let cpu = &environments().unwrap()[0];
        assert_eq!(cpu.libtorch, "2.11.0");
        assert_eq!((cpu.device.as_str(), cpu.threads), ("cpu", 1));
        let known = [
            "DEFAULT", "AVX2", "AVX512", "NEON", "SVE256", "VSX", "Z VECTOR",
        ];
        assert!(known.contains(&cpu.cpu_capability.as_str()), "{cpu:?}");
        assert_eq!(cpu.compute_capability, None);
    }
}
