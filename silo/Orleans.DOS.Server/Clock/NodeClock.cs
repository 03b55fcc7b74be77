using Orleans.DOS.Clock;

namespace Orleans.DOS.Server.Clock;

/// <summary>Gives the kernel's hybrid clock the host's time and one owner: stamps are made from many threads.</summary>
internal sealed class NodeClock(TimeProvider time) : IHybridClock
{
    private readonly System.Threading.Lock _gate = new();
    private HybridClock _clock;

    public HybridTime Now()
    {
        var physicalMs = PhysicalMs();
        lock (_gate)
        {
            _clock = _clock.Tick(physicalMs);
            return _clock.Last;
        }
    }

    public void Witness(HybridTime stamp)
    {
        var physicalMs = PhysicalMs();
        lock (_gate)
        {
            _clock = _clock.Witness(stamp, physicalMs);
        }
    }

    private long PhysicalMs() => time.GetUtcNow().ToUnixTimeMilliseconds();
}
