export { default as classify } from "./classify.kiri";
