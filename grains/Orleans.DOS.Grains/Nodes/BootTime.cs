using System.Runtime.InteropServices;

namespace Orleans.DOS.Nodes;

/// <summary>
/// Time whose timestamps also count while the host is suspended (CLOCK_BOOTTIME). Stopwatch and <see cref="TimeProvider.System"/> stand
/// still meanwhile on Linux, and a lease measured by them would outlast its end. Windows' counter counts it by itself.
/// </summary>
public sealed partial class BootTime : TimeProvider
{
    private const int BootTimeClock = 7;
    private const long NanosecondsPerSecond = 1_000_000_000;

    public static readonly BootTime Instance = new();

    private BootTime() { }

    public override long TimestampFrequency => OperatingSystem.IsLinux() ? NanosecondsPerSecond : base.TimestampFrequency;

    public override long GetTimestamp()
    {
        if (!OperatingSystem.IsLinux())
        {
            return base.GetTimestamp();
        }
        return ClockGetTime(BootTimeClock, out var time) == 0
            ? (time.Seconds * NanosecondsPerSecond) + time.Nanoseconds
            : throw new InvalidOperationException($"CLOCK_BOOTTIME cannot be read: error {Marshal.GetLastPInvokeError()}");
    }

    // Both fields have 64 bits on every 64-bit Linux, the only kind that .NET's containers come for.
    private readonly struct TimeSpec
    {
        public readonly long Seconds, Nanoseconds;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime", SetLastError = true)]
    private static partial int ClockGetTime(int clock, out TimeSpec time);
}
