namespace Orleans.DOS.Simulation.Segments;

/// <summary>One thread, one clock, one seed: events in order of time, ties in order of making.</summary>
public sealed class SimulatedWorld(int seed)
{
    private readonly PriorityQueue<Action, (long Time, long Number)> _events = new();
    private long _number;

    public Random Random { get; } = new(seed);
    public long Now { get; private set; }

    /// <summary>Set at the end of a run: no more losses, so that what must come back can.</summary>
    public bool Healed { get; set; }

    public void After(long milliseconds, Action act) => _events.Enqueue(act, (Now + milliseconds, _number++));

    public void RunUntil(long end)
    {
        while (_events.TryPeek(out var act, out var when) && when.Time <= end)
        {
            _events.Dequeue();
            Now = when.Time;
            act();
        }
        Now = end;
    }

    public bool Chance(int percent) => !Healed && Random.Next(100) < percent;
}
