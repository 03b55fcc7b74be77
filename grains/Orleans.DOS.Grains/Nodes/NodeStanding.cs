namespace Orleans.DOS.Nodes;

/// <summary>
/// What this node knows of its own lease and of the end of others: the kernel's <see cref="NodeLease"/> and <see cref="NodeFence"/> with a
/// clock. Readings come from the <see cref="LeaseKeeper"/>, questions from everywhere. Safe for threads.
/// </summary>
/// <param name="time">Must count suspended time: see <see cref="BootTime"/>.</param>
public sealed class NodeStanding(NodeIdentity identity, TimeProvider time)
{
    /// <summary>Questions about incarnations that membership does not show; far more than there are owners of an earlier hour.</summary>
    private const int QuestionsMax = 10_000;

    private readonly Lock _gate = new();
    private readonly Dictionary<NodeStart, long> _questions = [];
    // Immutable, so that the questions of every call need no lock; written under the gate.
    private volatile NodeLease _lease = NodeLease.None;
    private volatile NodeFence _fence = NodeFence.Empty;
    private TaskCompletionSource _wanted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _renewed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public NodeStart Self { get; } = new(identity.Self, identity.Incarnation);

    public long NowMs => (long)time.GetElapsedTime(0).TotalMilliseconds;

    public bool IsLeaseHeld => _lease.IsHeld(NowMs);

    /// <summary>This node is dead by membership's word, for ever.</summary>
    public bool IsLost => _lease.IsLost;

    /// <summary>Whether the next reading is awaited by somebody: a node is dead and not fenced, or the lease has run out.</summary>
    public bool IsWaiting => !_lease.IsHeld(NowMs) || _fence.IsWaiting(NowMs);

    /// <summary>Completes when a reading is wanted before its time.</summary>
    public Task Wanted
    {
        get { lock (_gate) { return _wanted.Task; } }
    }

    /// <summary>Completes when the lease is prolonged.</summary>
    public Task Renewed
    {
        get { lock (_gate) { return _renewed.Task; } }
    }

    public (long Version, IReadOnlyList<NodeStart> Others)? Round => _lease.Round;

    /// <summary>Membership has a newer view: it must be read and confirmed.</summary>
    public void Saw(long version)
    {
        lock (_gate)
        {
            if (version > _lease.SeenVersion)
            {
                _lease = _lease.See(version);
                Want();
            }
        }
    }

    /// <summary>The catalog was read; <paramref name="sentMs"/> is <see cref="NowMs"/> from before the request.</summary>
    /// <returns>Whether this node's row is Active in it: else the reading says nothing about others.</returns>
    public bool Read(MembershipReading reading, long sentMs)
    {
        var own = reading.Members.Where(member => member.Start == Self).Cast<Member?>().FirstOrDefault();
        lock (_gate)
        {
            _wanted = Replaced(_wanted);
            var isActive = own is { IsActive: true };
            // Not in the table before it has joined, and dead once it is not there any more.
            var isGone = own is { IsDead: true } || (own is null && _fence.Version >= 0);
            _lease = _lease.RowRead(sentMs, isActive, isGone).See(reading.Version);
            if (isActive)
            {
                _fence = _fence.See(reading, sentMs, NowMs);
                TellRenewed();
            }
            return isActive;
        }
    }

    public void Confirmed(long version, IEnumerable<NodeStart> others)
    {
        lock (_gate)
        {
            _lease = _lease.Confirmed(version, others);
        }
    }

    public void RoundAnswered(long sentMs, long version)
    {
        lock (_gate)
        {
            _lease = _lease.RoundAnswered(sentMs, version);
            TellRenewed();
        }
    }

    public bool IsUnchanged(long version) => _lease.IsUnchanged(version);

    /// <summary>Whether that incarnation can no longer act. A question about one that is not shown is answered by a later reading.</summary>
    public bool IsFenced(NodeStart start)
    {
        lock (_gate)
        {
            var nowMs = NowMs;
            if (!_questions.TryGetValue(start, out var askedMs))
            {
                if (_questions.Count >= QuestionsMax)
                {
                    // Whoever waits asks again, and waits for one reading more.
                    _questions.Clear();
                }
                _questions.Add(start, askedMs = nowMs);
                Want();
            }
            if (!_fence.IsFenced(start, askedMs, nowMs))
            {
                return false;
            }
            _questions.Remove(start);
            return true;
        }
    }

    public bool IsRefused(NodeStart start) => _fence.IsRefused(start);

    /// <summary>Asks for a reading now.</summary>
    public void Want()
    {
        lock (_gate)
        {
            _wanted.TrySetResult();
        }
    }

    private void TellRenewed()
    {
        _renewed.TrySetResult();
        _renewed = Replaced(_renewed);
    }

    private static TaskCompletionSource Replaced(TaskCompletionSource source) =>
        source.Task.IsCompleted ? new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously) : source;
}
