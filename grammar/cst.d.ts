// Generated from parser.ts by `npm run generate`. Do not edit.
import type { CstNode, ICstVisitor, IToken } from "chevrotain";

export interface UseDeclarationCstNode extends CstNode {
  name: "useDeclaration";
  children: UseDeclarationCstChildren;
}

export type UseDeclarationCstChildren = {
  Use: IToken[];
  path: PathCstNode[];
  ParenHere?: IToken[];
  names?: (IToken)[];
  Comma?: IToken[];
  RightParen?: IToken[];
  As?: IToken[];
  alias?: IToken[];
};

export interface PathCstNode extends CstNode {
  name: "path";
  children: PathCstChildren;
}

export type PathCstChildren = {
  AnyWord: (IToken)[];
  Dot?: IToken[];
};

export interface DeclarationCstNode extends CstNode {
  name: "declaration";
  children: DeclarationCstChildren;
}

export type DeclarationCstChildren = {
  fnDeclaration?: FnDeclarationCstNode[];
  letStatement?: LetStatementCstNode[];
  recordDeclaration?: RecordDeclarationCstNode[];
  sitesDeclaration?: SitesDeclarationCstNode[];
  layerDeclaration?: LayerDeclarationCstNode[];
  foldDeclaration?: FoldDeclarationCstNode[];
  rewriteDeclaration?: RewriteDeclarationCstNode[];
  tokenizerDeclaration?: TokenizerDeclarationCstNode[];
  decodeDeclaration?: DecodeDeclarationCstNode[];
  modelDeclaration?: ModelDeclarationCstNode[];
  compressDeclaration?: CompressDeclarationCstNode[];
  dataDeclaration?: DataDeclarationCstNode[];
  pipelineDeclaration?: PipelineDeclarationCstNode[];
  checkDeclaration?: CheckDeclarationCstNode[];
};

export interface FnDeclarationCstNode extends CstNode {
  name: "fnDeclaration";
  children: FnDeclarationCstChildren;
}

export type FnDeclarationCstChildren = {
  Extern?: IToken[];
  Fn: IToken[];
  Word: IToken[];
  signature: SignatureCstNode[];
  block?: BlockCstNode[];
};

export interface SignatureCstNode extends CstNode {
  name: "signature";
  children: SignatureCstChildren;
}

export type SignatureCstChildren = {
  inputs: InputsCstNode[];
  outputs: OutputsCstNode[];
};

export interface InputsCstNode extends CstNode {
  name: "inputs";
  children: InputsCstChildren;
}

export type InputsCstChildren = {
  LeftParen: IToken[];
  param?: (ParamCstNode)[];
  ListSign?: IToken[];
  RightParen: IToken[];
};

export interface OutputsCstNode extends CstNode {
  name: "outputs";
  children: OutputsCstChildren;
}

export type OutputsCstChildren = {
  Arrow?: IToken[];
  resultName?: IToken[];
  Colon?: IToken[];
  type?: TypeCstNode[];
  whereClauses?: WhereClausesCstNode[];
};

export interface WhereClausesCstNode extends CstNode {
  name: "whereClauses";
  children: WhereClausesCstChildren;
}

export type WhereClausesCstChildren = {
  Where: IToken[];
  equation: (EquationCstNode)[];
  Comma?: IToken[];
};

export interface EquationCstNode extends CstNode {
  name: "equation";
  children: EquationCstChildren;
}

export type EquationCstChildren = {
  expression: (ExpressionCstNode)[];
  Equals?: IToken[];
};

export interface ParamCstNode extends CstNode {
  name: "param";
  children: ParamCstChildren;
}

export type ParamCstChildren = {
  Word: IToken[];
  Colon?: IToken[];
  type?: TypeCstNode[];
  Equals?: IToken[];
  expression?: ExpressionCstNode[];
};

export interface RecordDeclarationCstNode extends CstNode {
  name: "recordDeclaration";
  children: RecordDeclarationCstChildren;
}

export type RecordDeclarationCstChildren = {
  Record: IToken[];
  Word: IToken[];
  LeftBrace: IToken[];
  recordMember?: RecordMemberCstNode[];
  Comma?: IToken[];
  RightBrace: IToken[];
};

export interface RecordMemberCstNode extends CstNode {
  name: "recordMember";
  children: RecordMemberCstChildren;
}

export type RecordMemberCstChildren = {
  letStatement?: LetStatementCstNode[];
  fnDeclaration?: FnDeclarationCstNode[];
  field?: FieldCstNode[];
};

export interface FieldCstNode extends CstNode {
  name: "field";
  children: FieldCstChildren;
}

export type FieldCstChildren = {
  AnyWord: IToken[];
  Colon?: IToken[];
  type?: TypeCstNode[];
  Equals?: IToken[];
  expression?: ExpressionCstNode[];
};

export interface SitesDeclarationCstNode extends CstNode {
  name: "sitesDeclaration";
  children: SitesDeclarationCstChildren;
}

export type SitesDeclarationCstChildren = {
  Sites: IToken[];
  name: IToken[];
  For?: IToken[];
  model?: IToken[];
  siteList: SiteListCstNode[];
};

export interface SiteListCstNode extends CstNode {
  name: "siteList";
  children: SiteListCstChildren;
}

export type SiteListCstChildren = {
  LeftBrace: IToken[];
  site?: SiteCstNode[];
  Comma?: IToken[];
  RightBrace: IToken[];
};

export interface SiteCstNode extends CstNode {
  name: "site";
  children: SiteCstChildren;
}

export type SiteCstChildren = {
  selector: SelectorCstNode[];
  Equals?: IToken[];
  path?: PathCstNode[];
  StringText?: IToken[];
  As?: IToken[];
  axes?: AxesCstNode[];
};

export interface LayerDeclarationCstNode extends CstNode {
  name: "layerDeclaration";
  children: LayerDeclarationCstChildren;
}

export type LayerDeclarationCstChildren = {
  Layer: IToken[];
  Word: IToken[];
  inputs?: InputsCstNode[];
  Offers?: IToken[];
  path?: PathCstNode[];
  siteList?: SiteListCstNode[];
  whereClauses?: WhereClausesCstNode[];
  LeftBrace: IToken[];
  layerMember?: LayerMemberCstNode[];
  RightBrace: IToken[];
};

export interface LayerMemberCstNode extends CstNode {
  name: "layerMember";
  children: LayerMemberCstChildren;
}

export type LayerMemberCstChildren = {
  subLayer?: SubLayerCstNode[];
  weight?: WeightCstNode[];
  letStatement?: LetStatementCstNode[];
  fnDeclaration?: FnDeclarationCstNode[];
  forward?: ForwardCstNode[];
};

export interface SubLayerCstNode extends CstNode {
  name: "subLayer";
  children: SubLayerCstChildren;
}

export type SubLayerCstChildren = {
  Use: IToken[];
  Word: IToken[];
  SquareHere?: IToken[];
  count?: ExpressionCstNode[];
  RightSquare?: IToken[];
  Equals: IToken[];
  layer: ExpressionCstNode[];
  naming?: NamingCstNode[];
  condition?: ConditionCstNode[];
};

export interface WeightCstNode extends CstNode {
  name: "weight";
  children: WeightCstChildren;
}

export type WeightCstChildren = {
  Param: IToken[];
  Word: IToken[];
  Colon: IToken[];
  type: TypeCstNode[];
  Equals?: IToken[];
  expression?: ExpressionCstNode[];
  naming?: NamingCstNode[];
  condition?: ConditionCstNode[];
};

export interface NamingCstNode extends CstNode {
  name: "naming";
  children: NamingCstChildren;
}

export type NamingCstChildren = {
  Named: IToken[];
  StringText: IToken[];
};

export interface ConditionCstNode extends CstNode {
  name: "condition";
  children: ConditionCstChildren;
}

export type ConditionCstChildren = {
  When: IToken[];
  expression: ExpressionCstNode[];
};

export interface ForwardCstNode extends CstNode {
  name: "forward";
  children: ForwardCstChildren;
}

export type ForwardCstChildren = {
  signature: SignatureCstNode[];
  block: BlockCstNode[];
};

export interface FoldDeclarationCstNode extends CstNode {
  name: "foldDeclaration";
  children: FoldDeclarationCstChildren;
}

export type FoldDeclarationCstChildren = {
  Fold: IToken[];
  name: IToken[];
  inputs?: InputsCstNode[];
  Colon: IToken[];
  from: IToken[];
  Arrow: IToken[];
  to: IToken[];
  whereClauses?: WhereClausesCstNode[];
  LeftBrace: IToken[];
  foldMember?: FoldMemberCstNode[];
  RightBrace: IToken[];
};

export interface FoldMemberCstNode extends CstNode {
  name: "foldMember";
  children: FoldMemberCstChildren;
}

export type FoldMemberCstChildren = {
  carry?: CarryCstNode[];
  hook?: HookCstNode[];
  down?: DownCstNode[];
  up?: UpCstNode[];
  fnDeclaration?: FnDeclarationCstNode[];
  letStatement?: LetStatementCstNode[];
};

export interface CarryCstNode extends CstNode {
  name: "carry";
  children: CarryCstChildren;
}

export type CarryCstChildren = {
  Carry: IToken[];
  name: IToken[];
  Colon: IToken[];
  type: TypeCstNode[];
  Equals: IToken[];
  expression: ExpressionCstNode[];
  Down: IToken[];
  By: IToken[];
  by: IToken[];
};

export interface HookCstNode extends CstNode {
  name: "hook";
  children: HookCstChildren;
}

export type HookCstChildren = {
  At: IToken[];
  Word: IToken[];
  signature: SignatureCstNode[];
  condition?: ConditionCstNode[];
  block: BlockCstNode[];
};

export interface DownCstNode extends CstNode {
  name: "down";
  children: DownCstChildren;
}

export type DownCstChildren = {
  Down: IToken[];
  inputs?: InputsCstNode[];
  reads?: ReadsCstNode[];
  outputs?: OutputsCstNode[];
  block?: BlockCstNode[];
  name?: IToken[];
  By?: IToken[];
  by?: IToken[];
};

export interface ReadsCstNode extends CstNode {
  name: "reads";
  children: ReadsCstChildren;
}

export type ReadsCstChildren = {
  Reads: IToken[];
  read: (ReadCstNode)[];
  Comma?: IToken[];
};

export interface ReadCstNode extends CstNode {
  name: "read";
  children: ReadCstChildren;
}

export type ReadCstChildren = {
  name: IToken[];
  Equals?: IToken[];
  site?: IToken[];
  Colon: IToken[];
  type: TypeCstNode[];
};

export interface UpCstNode extends CstNode {
  name: "up";
  children: UpCstChildren;
}

export type UpCstChildren = {
  Up: IToken[];
  signature: SignatureCstNode[];
  block: BlockCstNode[];
};

export interface RewriteDeclarationCstNode extends CstNode {
  name: "rewriteDeclaration";
  children: RewriteDeclarationCstChildren;
}

export type RewriteDeclarationCstChildren = {
  Rewrite: IToken[];
  Word: IToken[];
  inputs?: InputsCstNode[];
  whereClauses?: WhereClausesCstNode[];
  LeftBrace: IToken[];
  rewriteMember?: RewriteMemberCstNode[];
  RightBrace: IToken[];
};

export interface RewriteMemberCstNode extends CstNode {
  name: "rewriteMember";
  children: RewriteMemberCstChildren;
}

export type RewriteMemberCstChildren = {
  hook?: HookCstNode[];
  fnDeclaration?: FnDeclarationCstNode[];
  letStatement?: LetStatementCstNode[];
};

export interface DecodeDeclarationCstNode extends CstNode {
  name: "decodeDeclaration";
  children: DecodeDeclarationCstChildren;
}

export type DecodeDeclarationCstChildren = {
  Decode: IToken[];
  Word: IToken[];
  inputs?: InputsCstNode[];
  whereClauses?: WhereClausesCstNode[];
  LeftBrace: IToken[];
  decodeMember?: DecodeMemberCstNode[];
  RightBrace: IToken[];
};

export interface DecodeMemberCstNode extends CstNode {
  name: "decodeMember";
  children: DecodeMemberCstChildren;
}

export type DecodeMemberCstChildren = {
  fnDeclaration?: FnDeclarationCstNode[];
  letStatement?: LetStatementCstNode[];
  carry?: CarryCstNode[];
};

export interface TokenizerDeclarationCstNode extends CstNode {
  name: "tokenizerDeclaration";
  children: TokenizerDeclarationCstChildren;
}

export type TokenizerDeclarationCstChildren = {
  Tokenizer: IToken[];
  name: IToken[];
  Equals?: IToken[];
  host?: IToken[];
  From?: IToken[];
  expression?: ExpressionCstNode[];
  inputs?: InputsCstNode[];
  LeftBrace?: IToken[];
  tokenizerMember?: TokenizerMemberCstNode[];
  RightBrace?: IToken[];
};

export interface TokenizerMemberCstNode extends CstNode {
  name: "tokenizerMember";
  children: TokenizerMemberCstChildren;
}

export type TokenizerMemberCstChildren = {
  letStatement?: LetStatementCstNode[];
  method?: MethodCstNode[];
};

export interface MethodCstNode extends CstNode {
  name: "method";
  children: MethodCstChildren;
}

export type MethodCstChildren = {
  Fn?: IToken[];
  Word: IToken[];
  signature: SignatureCstNode[];
  block: BlockCstNode[];
};

export interface ModelDeclarationCstNode extends CstNode {
  name: "modelDeclaration";
  children: ModelDeclarationCstChildren;
}

export type ModelDeclarationCstChildren = {
  Model: IToken[];
  Word: IToken[];
  Equals: IToken[];
  Import?: IToken[];
  imported?: ExpressionCstNode[];
  layer?: ExpressionCstNode[];
  From?: IToken[];
  from?: ExpressionCstNode[];
};

export interface DataDeclarationCstNode extends CstNode {
  name: "dataDeclaration";
  children: DataDeclarationCstChildren;
}

export type DataDeclarationCstChildren = {
  Data: IToken[];
  Word: IToken[];
  Colon: IToken[];
  inputs: InputsCstNode[];
  Equals: IToken[];
  expression: ExpressionCstNode[];
};

export interface PipelineDeclarationCstNode extends CstNode {
  name: "pipelineDeclaration";
  children: PipelineDeclarationCstChildren;
}

export type PipelineDeclarationCstChildren = {
  Pipeline: IToken[];
  Word: IToken[];
  signature: SignatureCstNode[];
  block: BlockCstNode[];
};

export interface CheckDeclarationCstNode extends CstNode {
  name: "checkDeclaration";
  children: CheckDeclarationCstChildren;
}

export type CheckDeclarationCstChildren = {
  Check: IToken[];
  StringText: IToken[];
  block: BlockCstNode[];
};

export interface CompressDeclarationCstNode extends CstNode {
  name: "compressDeclaration";
  children: CompressDeclarationCstChildren;
}

export type CompressDeclarationCstChildren = {
  Compress: IToken[];
  target: IToken[];
  As?: IToken[];
  alias?: IToken[];
  LeftBrace: IToken[];
  compressItem?: CompressItemCstNode[];
  RightBrace: IToken[];
};

export interface CompressItemCstNode extends CstNode {
  name: "compressItem";
  children: CompressItemCstChildren;
}

export type CompressItemCstChildren = {
  placeFold?: PlaceFoldCstNode[];
  placeRewrite?: PlaceRewriteCstNode[];
  requirement?: RequirementCstNode[];
  expectation?: ExpectationCstNode[];
  precision?: PrecisionCstNode[];
};

export interface PlaceFoldCstNode extends CstNode {
  name: "placeFold";
  children: PlaceFoldCstChildren;
}

export type PlaceFoldCstChildren = {
  Fold: IToken[];
  axis: IToken[];
  Protect?: IToken[];
  protect?: ExpressionCstNode[];
  Across?: IToken[];
  In?: IToken[];
  Each?: IToken[];
  At?: IToken[];
  region: SelectorCstNode[];
  After?: IToken[];
  afterSite?: IToken[];
  With: IToken[];
  fold: ExpressionCstNode[];
  unfold?: UnfoldCstNode[];
};

export interface UnfoldCstNode extends CstNode {
  name: "unfold";
  children: UnfoldCstChildren;
}

export type UnfoldCstChildren = {
  Up: IToken[];
  After?: IToken[];
  selector?: SelectorCstNode[];
  None?: IToken[];
};

export interface PlaceRewriteCstNode extends CstNode {
  name: "placeRewrite";
  children: PlaceRewriteCstChildren;
}

export type PlaceRewriteCstChildren = {
  Rewrite: IToken[];
  selector: SelectorCstNode[];
  With: IToken[];
  expression: ExpressionCstNode[];
};

export interface RequirementCstNode extends CstNode {
  name: "requirement";
  children: RequirementCstChildren;
}

export type RequirementCstChildren = {
  Require?: IToken[];
  Report?: IToken[];
  Drop?: IToken[];
  Of?: IToken[];
  expression: ExpressionCstNode[];
  On?: IToken[];
  Word?: IToken[];
};

export interface ExpectationCstNode extends CstNode {
  name: "expectation";
  children: ExpectationCstChildren;
}

export type ExpectationCstChildren = {
  Expect: IToken[];
  Fused: IToken[];
  Word: IToken[];
  Star?: IToken[];
  expression?: ExpressionCstNode[];
};

export interface PrecisionCstNode extends CstNode {
  name: "precision";
  children: PrecisionCstChildren;
}

export type PrecisionCstChildren = {
  Precision: IToken[];
  Colon: IToken[];
  Word: IToken[];
};

export interface SelectorCstNode extends CstNode {
  name: "selector";
  children: SelectorCstChildren;
}

export type SelectorCstChildren = {
  segment: (SegmentCstNode)[];
  Dot?: IToken[];
};

export interface SegmentCstNode extends CstNode {
  name: "segment";
  children: SegmentCstChildren;
}

export type SegmentCstChildren = {
  AnyWord: IToken[];
  SquareHere?: IToken[];
  Star?: IToken[];
  place?: PlaceCstNode[];
  RightSquare?: IToken[];
};

export interface TypeCstNode extends CstNode {
  name: "type";
  children: TypeCstChildren;
}

export type TypeCstChildren = {
  LeftSquare?: IToken[];
  type?: TypeCstNode[];
  RightSquare?: IToken[];
  tupleType?: TupleTypeCstNode[];
  recordType?: RecordTypeCstNode[];
  path?: PathCstNode[];
  axes?: AxesCstNode[];
};

export interface TupleTypeCstNode extends CstNode {
  name: "tupleType";
  children: TupleTypeCstChildren;
}

export type TupleTypeCstChildren = {
  LeftParen: IToken[];
  type?: (TypeCstNode)[];
  Comma?: IToken[];
  RightParen: IToken[];
};

export interface RecordTypeCstNode extends CstNode {
  name: "recordType";
  children: RecordTypeCstChildren;
}

export type RecordTypeCstChildren = {
  LeftBrace: IToken[];
  field?: FieldCstNode[];
  Comma?: IToken[];
  RightBrace: IToken[];
};

export interface AxesCstNode extends CstNode {
  name: "axes";
  children: AxesCstChildren;
}

export type AxesCstChildren = {
  SquareHere: IToken[];
  axis?: (AxisCstNode)[];
  Comma?: IToken[];
  RightSquare: IToken[];
};

export interface AxisCstNode extends CstNode {
  name: "axis";
  children: AxisCstChildren;
}

export type AxisCstChildren = {
  Ellipsis?: IToken[];
  Some?: IToken[];
  equation?: EquationCstNode[];
};

export interface BlockCstNode extends CstNode {
  name: "block";
  children: BlockCstChildren;
}

export type BlockCstChildren = {
  LeftBrace: IToken[];
  statement?: StatementCstNode[];
  Semicolon?: IToken[];
  RightBrace: IToken[];
};

export interface StatementCstNode extends CstNode {
  name: "statement";
  children: StatementCstChildren;
}

export type StatementCstChildren = {
  letStatement?: LetStatementCstNode[];
  value?: ExpressionCstNode[];
  Assign?: IToken[];
  assigned?: ExpressionCstNode[];
};

export interface LetStatementCstNode extends CstNode {
  name: "letStatement";
  children: LetStatementCstChildren;
}

export type LetStatementCstChildren = {
  Let: IToken[];
  Word?: IToken[];
  names?: NamesCstNode[];
  Colon?: IToken[];
  type?: TypeCstNode[];
  Equals: IToken[];
  expression: ExpressionCstNode[];
};

export interface NamesCstNode extends CstNode {
  name: "names";
  children: NamesCstChildren;
}

export type NamesCstChildren = {
  LeftParen: IToken[];
  Word?: (IToken)[];
  Comma?: IToken[];
  RightParen: IToken[];
};

export interface ExpressionCstNode extends CstNode {
  name: "expression";
  children: ExpressionCstChildren;
}

export type ExpressionCstChildren = {
  operand: (OperandCstNode)[];
  BinarySign?: IToken[];
};

export interface OperandCstNode extends CstNode {
  name: "operand";
  children: OperandCstChildren;
}

export type OperandCstChildren = {
  PrefixSign?: IToken[];
  NumberText?: IToken[];
  StringText?: IToken[];
  BoolWord?: IToken[];
  Word?: IToken[];
  recordLiteral?: (RecordLiteralCstNode)[];
  group?: GroupCstNode[];
  list?: ListCstNode[];
  ifExpression?: IfExpressionCstNode[];
  repeatExpression?: RepeatExpressionCstNode[];
  open?: OpenCstNode[];
  trailer?: TrailerCstNode[];
};

export interface OpenCstNode extends CstNode {
  name: "open";
  children: OpenCstChildren;
}

export type OpenCstChildren = {
  Question: IToken[];
  In?: IToken[];
  place?: PlaceCstNode[];
};

export interface TrailerCstNode extends CstNode {
  name: "trailer";
  children: TrailerCstChildren;
}

export type TrailerCstChildren = {
  call?: CallCstNode[];
  slice?: SliceCstNode[];
  Dot?: IToken[];
  AnyWord?: IToken[];
  As?: IToken[];
  axes?: AxesCstNode[];
  Word?: IToken[];
};

export interface CallCstNode extends CstNode {
  name: "call";
  children: CallCstChildren;
}

export type CallCstChildren = {
  ParenHere: IToken[];
  argument?: (ArgumentCstNode)[];
  ListSign?: IToken[];
  RightParen: IToken[];
};

export interface ArgumentCstNode extends CstNode {
  name: "argument";
  children: ArgumentCstChildren;
}

export type ArgumentCstChildren = {
  AnyWord?: IToken[];
  Colon?: IToken[];
  expression: (ExpressionCstNode)[];
  Into?: IToken[];
};

export interface SliceCstNode extends CstNode {
  name: "slice";
  children: SliceCstChildren;
}

export type SliceCstChildren = {
  SquareHere: IToken[];
  sliceItem?: (SliceItemCstNode)[];
  Comma?: IToken[];
  RightSquare: IToken[];
};

export interface SliceItemCstNode extends CstNode {
  name: "sliceItem";
  children: SliceItemCstChildren;
}

export type SliceItemCstChildren = {
  AnyWord?: IToken[];
  Colon?: IToken[];
  place: PlaceCstNode[];
};

export interface PlaceCstNode extends CstNode {
  name: "place";
  children: PlaceCstChildren;
}

export type PlaceCstChildren = {
  rangeTail?: (RangeTailCstNode)[];
  expression?: ExpressionCstNode[];
};

export interface RangeTailCstNode extends CstNode {
  name: "rangeTail";
  children: RangeTailCstChildren;
}

export type RangeTailCstChildren = {
  DotDot: IToken[];
  to?: ExpressionCstNode[];
  Step?: IToken[];
  step?: ExpressionCstNode[];
};

export interface GroupCstNode extends CstNode {
  name: "group";
  children: GroupCstChildren;
}

export type GroupCstChildren = {
  LeftParen: IToken[];
  equation?: (EquationCstNode)[];
  Comma?: IToken[];
  RightParen: IToken[];
};

export interface ListCstNode extends CstNode {
  name: "list";
  children: ListCstChildren;
}

export type ListCstChildren = {
  LeftSquare: IToken[];
  expression?: (ExpressionCstNode)[];
  For?: IToken[];
  Word?: IToken[];
  In?: IToken[];
  place?: PlaceCstNode[];
  Semicolon?: IToken[];
  count?: ExpressionCstNode[];
  Comma?: IToken[];
  RightSquare: IToken[];
};

export interface RecordLiteralCstNode extends CstNode {
  name: "recordLiteral";
  children: RecordLiteralCstChildren;
}

export type RecordLiteralCstChildren = {
  LeftBrace: IToken[];
  entry?: EntryCstNode[];
  Comma?: IToken[];
  RightBrace: IToken[];
};

export interface EntryCstNode extends CstNode {
  name: "entry";
  children: EntryCstChildren;
}

export type EntryCstChildren = {
  AnyWord: IToken[];
  Colon: IToken[];
  expression: ExpressionCstNode[];
};

export interface IfExpressionCstNode extends CstNode {
  name: "ifExpression";
  children: IfExpressionCstChildren;
}

export type IfExpressionCstChildren = {
  If: (IToken)[];
  expression: (ExpressionCstNode)[];
  block: (BlockCstNode)[];
  Else?: (IToken)[];
};

export interface RepeatExpressionCstNode extends CstNode {
  name: "repeatExpression";
  children: RepeatExpressionCstChildren;
}

export type RepeatExpressionCstChildren = {
  Repeat: IToken[];
  index?: IToken[];
  In?: IToken[];
  place: PlaceCstNode[];
  From: IToken[];
  name: IToken[];
  Equals: IToken[];
  start: ExpressionCstNode[];
  block: BlockCstNode[];
};
