namespace Kalshi.Daemon.Primitives;

/// <summary>Process exit codes, after sysexits.h. `Failed` is the answer "no" of a command that asks (verify, check).</summary>
internal static class ExitCode
{
    public const int Ok = 0;
    public const int Failed = 1;
    public const int Usage = 64;
    public const int Unavailable = 69;
    public const int Bug = 70;
    public const int InputOutput = 74;
    public const int Config = 78;
}

/// <summary>
/// Set-up that cannot work, said in one sentence that names the thing and what to do. `Program` prints the message without
/// a stack trace and exits with the code.
/// </summary>
internal sealed class SetupException(int exitCode, string message) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}
