namespace Orleans.DOS.Security;

/// <summary>Only nodes of the cluster may call this, never a client or a program. (What the client assemblies do not contain at all is so by itself.)</summary>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Interface)]
public sealed class NodesOnlyAttribute : Attribute;
