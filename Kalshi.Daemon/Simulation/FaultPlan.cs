namespace Kalshi.Daemon.Simulation;

/// <summary>Faults to inject. (First cut: none.)</summary>
internal sealed class FaultPlan
{
    public static FaultPlan None { get; } = new();

    public bool TouchesFrames => false;

    public long ClockSkew => 0;
}
