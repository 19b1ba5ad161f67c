/// The variable and the value by which OpenSSL signs faster on this processor than by its own choice
/// (OPENSSL_ia32cap(3)), where one is known. It is read before `main`.
///
/// OpenSSL's exponentiation for ADX goes before the one for AVX2 wherever there is ADX. On AMD's Zen 3 the latter is
/// the faster one, by a tenth of a signature; Zen 4 and later have AVX-512 IFMA, which goes before both.
pub fn openssl_variable() -> Option<(&'static str, &'static str)> {
    #[cfg(target_arch = "x86_64")]
    {
        const ZEN_3_AND_4: u8 = 25;
        let processor = raw_cpuid::CpuId::new();
        let features = processor.get_extended_feature_info()?;
        let zen_3 = processor.get_vendor_info()?.as_str() == "AuthenticAMD"
            && processor.get_feature_info()?.family_id() == ZEN_3_AND_4
            && features.has_avx2()
            && !features.has_avx512_ifma();
        zen_3.then_some(("OPENSSL_ia32cap", ":~0x80000"))
    }
    #[cfg(not(target_arch = "x86_64"))]
    None
}
